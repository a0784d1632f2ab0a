// Prunes a quarter of the channels (or heads, neurons, layers, words, half of the weights) of models, without data, runs the results at two batch sizes
// where that is dynamic, and checks their interfaces. One row a model: groups and nodes that lost something, weights and multiplications that are
// left, why other nodes stayed. The last line counts models that shrank, had nothing to lose, do not run as they are, or failed.
//   npm run build && npx tsc -p tsconfig.bench.json && node dist-bench/bench/pruning/prune-models.js [--granularity heads] FOLDER|FILE…
import { parseArgs } from 'node:util';
import { builtinPasses } from '../../passes/index.js';
import { runRecipe } from '../../src/compress.js';
import { createOnnxRuntimeEngine } from '../../src/engine/index.js';
import { formatType, type Model } from '../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { type PruneGranularity, pruneGranularities, pruneSteps, resolveRecipe } from '../../src/recipe/index.js';
import { findWorkingFeeds } from '../../src/synthetic/index.js';
import { modelFiles } from '../model-files.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { granularity: { type: 'string', default: 'channels' } },
});
const granularity = values.granularity as PruneGranularity;
const passName = pruneGranularities[granularity];
const options = { channels: { ratio: 0.25, streams: true }, weights: { ratio: 0.5 } }[granularity as string] ?? {
  ratio: 0.25,
};
const engine = createOnnxRuntimeEngine();
console.log('| model | bytes left | MACs left | pruned | skipped | most common reasons |');
console.log('| --- | --- | --- | --- | --- | --- |');
const counts = { shrank: 0, 'nothing to lose': 0, 'do not run as they are': 0, FAILED: 0 };
for (const path of modelFiles(positionals)) {
  const name = path.split('/').slice(-2).join('/');
  const told = (cause: unknown): string => (cause instanceof Error ? cause.message.split('\n')[0] : String(cause));
  try {
    await run(await loadModel(path));
  } catch (cause) {
    counts['do not run as they are']++;
    console.log(`| ${name} | does not run as it is: ${told(cause)} | | | | |`);
    continue;
  }
  try {
    const cells = await prune(path);
    counts[cells[2] === '0' ? 'nothing to lose' : 'shrank']++;
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  } catch (cause) {
    counts.FAILED++;
    console.log(`| ${name} | FAILED: ${told(cause)} | | | | |`);
  }
}
const total = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
console.log(`${Object.values(counts).reduce((sum, count) => sum + count, 0)} models: ${total.join(', ')}`);
process.exitCode = counts.FAILED > 0 ? 1 : 0;

async function prune(path: string): Promise<string[]> {
  const steps = pruneSteps(builtinPasses, granularity, options);
  const recipe = await resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
  const original = await loadModel(path);
  const { model, prepared, passes } = await runRecipe(original, recipe, { engine });
  if (describeInterface(model) !== describeInterface(original)) throw new Error('the interface changed');
  await run(model);
  const report = passes.find(({ pass }) => pass === passName)!;
  const before = encodeToBytes(prepared ?? original).length;
  const reasons = new Map<string, number>();
  for (const { reason } of report.skipped) {
    const kind = reason.replace(
      /(normalizes over|is an output|mixes|reduces|computes|uses|splits|joins|picks|cuts).*/,
      '$1 …',
    );
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
  }
  const common = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 2);
  const share = (value: number | undefined): string => (value === undefined ? '–' : `${(100 * value).toFixed(1)} %`);
  return [
    share(encodeToBytes(model).length / before),
    share(report.metrics.remainingMacsRatio),
    String(report.changed.length),
    String(report.skipped.length),
    common.map(([reason, count]) => `${count} × ${reason}`).join('; '),
  ];
}

async function run(model: Model): Promise<void> {
  const session = await engine.open(model, { threads: 2 });
  try {
    const feeds = await findWorkingFeeds(session, model);
    const outputs = await session.run(feeds.at(0));
    if (Object.keys(outputs).length === 0) throw new Error('the result gives nothing');
    await session.run(feeds.at(1));
  } finally {
    await session.close();
  }
}

function describeInterface({ graph }: Model): string {
  const inputs = graph.inputs.filter(({ isInitializer }) => !isInitializer);
  return [...inputs, ...graph.outputs].map(({ name, type }) => `${name}: ${formatType(type)}`).join();
}
