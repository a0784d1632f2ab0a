// One training step of a model as its own teacher, with all values held or with stretches of the forward pass computed twice, each in a process of its own:
// node dist-bench/bench/recompute.js model.onnx input:int64:4x256 [--threads 2]. Prints peak bytes by the graph, peak memory of the process before and after the steps,
// milliseconds of a step, and how far the gradients of the two are from each other.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createOnnxRuntimeEngine } from '../src/engine/index.js';
import { loadModel } from '../src/onnx/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../src/tensor/index.js';
import { Teacher } from '../src/training/examples/teacher.js';
import { buildTrainingGraph } from '../src/training/graphs/training-graph.js';
import { planLosses } from '../src/training/losses/loss-plan.js';
import { TrainedWeights } from '../src/training/weights/trained-weights.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: 'string', default: '2' }, recompute: { type: 'string' }, gradients: { type: 'string' } },
});
const [path, ...inputs] = positionals;
const threads = Number(values.threads);
const MiB = 2 ** 20;

function peak(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

function inputOf(text: string): [string, Tensor] {
  const [name, type, sizes] = text.split(':');
  const shape = sizes.split('x').map(Number);
  const count = shape.reduce((a, b) => a * b, 1);
  const numbers = Array.from({ length: count }, (_, i) => (i * 7919) % 1000);
  if (type === 'int64') return [name, int64Tensor(shape, numbers)];
  return [
    name,
    float32Tensor(
      shape,
      numbers.map((value) => value / 500 - 1),
    ),
  ];
}

/** With the gradients that another process left, which are written where there are none. */
function compared(gradients: Float32Array): string {
  const file = values.gradients!;
  if (!existsSync(file)) {
    writeFileSync(file, gradients);
    return '';
  }
  const others = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
  let difference = 0;
  let squares = 0;
  for (const [i, other] of others.entries()) {
    difference += (gradients[i] - other) ** 2;
    squares += other ** 2;
  }
  return `, relative difference of all gradients ${Math.sqrt(difference / squares).toExponential(1)}`;
}

async function measure(recompute: boolean): Promise<void> {
  const engine = createOnnxRuntimeEngine({ threads });
  const student = await loadModel(path);
  const feeds = Object.fromEntries(inputs.map(inputOf));
  const losses = planLosses(student, student, [{ name: 'logits', weight: 1 }]);
  const wanted = losses.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.teacher ?? []));
  const teacher = await Teacher.open(student, wanted, engine, { keeps: false, threads });
  const sample = { feeds, count: 1, targets: null, continues: false };
  const answers = await teacher.outputs({ indices: [0], sample });
  await teacher.close();
  // Not the very answers, so that there are gradients.
  const wrong = new Map(
    Object.entries(answers).map(([name, tensor]) => [
      name,
      float32Tensor(
        tensor.shape,
        tensor.readFloat32().map((value, i) => value + (i % 5) / 10),
      ),
    ]),
  );
  const weights = TrainedWeights.of(student);
  const graph = await buildTrainingGraph({
    student,
    weights: weights.names,
    losses,
    temperature: 4,
    feeds,
    teacher: Object.fromEntries(wrong),
    labels: null,
    projections: new Map(),
    recompute,
    engine,
  });
  const session = await engine.open(graph.model, { threads, memoryPattern: false });
  const other = Object.fromEntries([...wrong].map(([name, tensor]) => [`training/teacher/${name}`, tensor]));
  const before = peak();
  const times: number[] = [];
  let results: Readonly<Record<string, Tensor>> = {};
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    results = await session.run({ ...feeds, ...weights.feeds(), ...other });
    times.push(performance.now() - start);
  }
  const most = peak();
  const gradients = [...graph.gradients].flatMap(([, output]) => [...results[output].readFloat32()]);
  process.stdout.write(
    `${recompute ? 'recomputed' : 'held'}: ${Math.round(graph.bytes / MiB)} MiB by the graph, peak ${before} → ${most} MiB, ${Math.round(Math.min(...times))} ms${compared(Float32Array.from(gradients))}\n`,
  );
  await session.close();
}

if (values.recompute !== undefined) await measure(values.recompute === 'true');
else {
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-recompute-'));
  for (const way of ['false', 'true']) {
    const own = ['--recompute', way, '--gradients', join(folder, 'gradients')];
    process.stdout.write(
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2), ...own]),
    );
  }
  rmSync(folder, { recursive: true });
}
