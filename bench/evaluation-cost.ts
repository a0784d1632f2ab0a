// What evaluating costs beside the bare engine: an evaluation, and onnxruntime alone on the very same batches, in turns of a few
// hundred samples within one run, so that what disturbs the machine disturbs both.
// Run: npx tsc -p tsconfig.bench.json && node dist-bench/bench/evaluation-cost.js model.onnx data metric '{"samples": 300}' [batch]
import { dirname } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Dataset, type OpenDatasetOptions, openDataset, type Sample } from '../src/data/index.js';
import { createOnnxRuntimeEngine } from '../src/engine/index.js';
import { evaluateModels, requireMetric } from '../src/evaluation/index.js';

const [path, data, metric, options = '{}', batch = '1'] = process.argv.slice(2);
/** Samples of one turn; images that are decoded ahead while the other side has its turn are few beside them. */
const turn = 250;

const session = await createOnnxRuntimeEngine().open(path, { threads: 1 });
const bare = await InferenceSession.create(path, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
});
const modelInterface = { inputs: session.inputs, outputs: session.outputs, folder: dirname(path) };
const dataset = await openDataset(data, JSON.parse(options) as OpenDatasetOptions, modelInterface);

let bareTime = 0;
let turns = 0;
const ratios: number[] = [];
/** Of the evaluation alone. */
let ownTime = 0;
let turnStart = 0;

async function runBare(samples: readonly Sample[]): Promise<void> {
  const own = performance.now() - turnStart;
  const feeds = samples.map((sample) =>
    Object.fromEntries(
      Object.entries(sample.feeds).map(([name, tensor]) => [
        name,
        new Tensor(tensor.dataType as 'float32', tensor.read() as Float32Array, tensor.shape),
      ]),
    ),
  );
  const start = performance.now();
  for (const feed of feeds) await bare.run(feed);
  const time = performance.now() - start;
  // The first turn warms both up.
  if (turns++ > 0) {
    bareTime += time;
    ownTime += own;
    ratios.push(own / time);
  }
  turnStart = performance.now();
}

/** The data as it is, with a turn of the bare engine after every so many samples. */
const inTurns: Dataset = {
  ...dataset,
  async *samples(length) {
    let seen: Sample[] = [];
    turnStart = performance.now();
    for await (const sample of dataset.samples(length)) {
      yield sample;
      seen.push(sample);
      if (seen.length * (length ?? 1) < turn) continue;
      await runBare(seen);
      seen = [];
    }
    if (seen.length > 0) await runBare(seen);
  },
};

const model = { name: path, session, outputKind: () => 'logits' as const };
const evaluation = await evaluateModels([model], inTurns, { metrics: [requireMetric(metric)], batch: Number(batch) });
await dataset.close();
await session.close();
ratios.sort((a, b) => a - b);
const value = evaluation.models[0].metrics[0].value;
console.log(
  `${path}: ${evaluation.examples} examples, ${metric} ${value}, batch ${batch}: evaluation ${(ownTime / 1000).toFixed(2)} s, ` +
    `bare onnxruntime ${(bareTime / 1000).toFixed(2)} s, ratio ${(ownTime / bareTime).toFixed(3)}, ` +
    `turns ${ratios[0].toFixed(2)}–${ratios[ratios.length - 1].toFixed(2)}; peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
);
