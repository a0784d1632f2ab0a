// How far losses and gradients of a training step on other backends are from those of onnxruntime, for model files; their outputs, disturbed, are the targets.
//   node dist-bench/bench/compare-backends.js --backend webgpu [--batch 4] model.onnx …
import { parseArgs } from 'node:util';
import { createOnnxRuntimeEngine, type Engine } from '../src/engine/index.js';
import { loadModel } from '../src/onnx/index.js';
import { findWorkingFeeds } from '../src/synthetic/index.js';
import { MemoryTensor } from '../src/tensor/index.js';
import { stepEngine, type TrainingBackend } from '../src/training/backend.js';
import { Teacher } from '../src/training/examples/teacher.js';
import { StepSessions } from '../src/training/graphs/step-sessions.js';
import { planLosses } from '../src/training/losses/loss-plan.js';
import { TrainedWeights } from '../src/training/weights/trained-weights.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { backend: { type: 'string', default: 'wasm' }, batch: { type: 'string', default: '4' } },
});
const engine = createOnnxRuntimeEngine({ threads: 2 });
const other = await stepEngine(values.backend as TrainingBackend, engine);

for (const path of positionals) {
  const student = await loadModel(path);
  const session = await engine.open(student);
  const feeds = (await findWorkingFeeds(session, student, { batch: Number(values.batch) })).at(0);
  const losses = planLosses(student, student, [{ name: 'logits', weight: 1 }]);
  const names = losses.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.teacher ?? []));
  await session.close();
  const asking = await Teacher.open(student, names, engine, { keeps: false, threads: 2 });
  const own = await asking.outputs({ indices: [0], sample: { feeds, count: 1, targets: null, continues: false } });
  await asking.close();
  const teacher = Object.fromEntries(
    names.map((name) => {
      const disturbed = own[name].readFloat32().map((value, index) => value + Math.sin(index));
      return [name, new MemoryTensor('float32', own[name].shape, disturbed)];
    }),
  );
  const weights = TrainedWeights.of(student);
  const fixed = { student, weights: weights.names, losses, temperature: 2, projections: new Map(), engine };
  const step = async (candidate: Engine) => {
    const sessions = new StepSessions(fixed, candidate, 2);
    const result = await sessions.train({ feeds, teacher, labels: null }, weights.feeds());
    await sessions.close();
    return result;
  };
  const [expected, actual] = [await step(engine), await step(other)];
  let worst = 0;
  let worstName = '';
  for (const [name, gradient] of expected.gradients) {
    const found = actual.gradients.get(name)!;
    let [difference, norm] = [0, 0];
    for (const [index, value] of gradient.entries()) {
      difference += (value - found[index]) ** 2;
      norm += value ** 2;
    }
    const error = Math.sqrt(difference / Math.max(norm, 1e-30));
    if (!(error <= worst)) [worst, worstName] = [error, name];
  }
  process.stdout.write(
    `${path}: loss ${expected.loss} and ${actual.loss}; gradients of ${expected.gradients.size} weights, largest relative error ${worst.toExponential(2)} (${worstName})\n`,
  );
}
