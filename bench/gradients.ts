// Differentiates models by all their weights and inputs of floating point and compares with numerical derivatives, source by source, along up to three directions:
// node dist-bench/bench/gradients.js model.onnx… [--output NAME]… [--part 1/3]. Prints a line a model: sources within 2 %, those beyond, obstacles.
// `--output`: as far as these values, of models that end in ArgMax or saturate; `--part`: every third source, from the first on, of models that take long.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { findTrainableWeights, liftConstants } from '../src/autodiff/index.js';
import { createOnnxRuntimeEngine } from '../src/engine/index.js';
import { DsoptError } from '../src/errors.js';
import type { Model } from '../src/ir/index.js';
import { loadModel } from '../src/onnx/index.js';
import { exposeValues, keepOutputs } from '../src/rewrite/index.js';
import { findWorkingFeeds } from '../src/synthetic/index.js';
import { checkGradients } from '../test/autodiff/check-gradients.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', multiple: true, default: [] }, part: { type: 'string', default: '1/1' } },
});
const [part, parts] = values.part.split('/').map(Number);
const engine = createOnnxRuntimeEngine({ threads: 2 });
/** Relative difference of the two derivatives of a source that counts as agreement. */
const tolerance = 0.02;

for (const path of positionals) process.stdout.write(`${basename(path)}: ${await describe(path)}\n`);

async function describe(path: string): Promise<string> {
  try {
    const model = asFarAs(await loadModel(path), values.output);
    liftConstants(model.graph);
    const session = await engine.open(model);
    const feeds = (await findWorkingFeeds(session, model)).at(0);
    await session.close();
    const start = performance.now();
    const all = findTrainableWeights(model.graph).map(({ name }) => name);
    const sources = all.filter((_, index) => index % parts === part - 1);
    const check = (names: readonly string[], seed: number) =>
      checkGradients(model, feeds, engine, {
        sources: names,
        seed,
        // Saturated networks bend within a millionth of their weights.
        steps: [1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-3, 1e-2, 3e-2, 3e-6, 1e-6, 3e-7],
      });
    const { checks, obstacles } = await check(sources, 5);
    if (obstacles.length > 0) return `not differentiable: ${[...new Set(obstacles)].join('; ')}`;
    let beyond = checks.filter(({ error }) => !(error <= tolerance));
    // Kinks (rectifiers) lie on some directions and not on others.
    for (const seed of [6, 7]) {
      if (beyond.length > 0)
        beyond = (
          await check(
            beyond.map(({ source }) => source),
            seed,
          )
        ).checks.filter(({ error }) => !(error <= tolerance));
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const worst = beyond.map(
      ({ source, numeric, analytic }) => `${source} ${analytic.toPrecision(3)} for ${numeric.toPrecision(3)}`,
    );
    return `${checks.length - beyond.length} of ${checks.length} sources agree (${seconds} s) ${worst.slice(0, 4).join(', ')}`;
  } catch (cause) {
    if (!(cause instanceof DsoptError)) throw cause;
    return `${cause.code}: ${cause.message.slice(0, 200)}`;
  }
}

/** With these values as its only outputs; without any, as it is. */
function asFarAs(model: Model, names: readonly string[]): Model {
  if (names.length === 0) return model;
  const exposed = exposeValues(model, names);
  keepOutputs(exposed, new Set(names));
  return exposed;
}
