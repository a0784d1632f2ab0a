// Prunes a quarter of the channels of models, runs the results at two batch sizes where that is dynamic, and checks their interfaces. One row a
// model: groups and nodes that lost channels, weights and multiplications that are left, why other nodes stayed.
//   npm run build && npx tsc -p tsconfig.bench.json && node dist-bench/bench/pruning/prune-models.js FOLDER|FILE…
import { builtinPasses } from '../../passes/index.js';
import { runRecipe } from '../../src/compress.js';
import { createOnnxRuntimeEngine } from '../../src/engine/index.js';
import { formatType, type Model } from '../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { pruneSteps, resolveRecipe } from '../../src/recipe/index.js';
import { findWorkingFeeds } from '../../src/synthetic/index.js';
import { modelFiles } from '../model-files.js';

const engine = createOnnxRuntimeEngine();
console.log('| model | bytes left | MACs left | pruned | skipped | most common reasons |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const path of modelFiles(process.argv.slice(2))) {
  const name = path.split('/').slice(-2).join('/');
  try {
    console.log(`| ${name} | ${(await prune(path)).join(' | ')} |`);
  } catch (cause) {
    console.log(`| ${name} | ${cause instanceof Error ? cause.message.split('\n')[0] : cause} | | | | |`);
  }
}

async function prune(path: string): Promise<string[]> {
  const steps = pruneSteps(builtinPasses, 'channels', { ratio: 0.25, streams: true });
  const recipe = await resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
  const original = await loadModel(path);
  const { model, prepared, passes } = await runRecipe(original, recipe, { engine });
  if (describeInterface(model) !== describeInterface(original)) throw new Error('the interface changed');
  await run(model);
  const report = passes.find(({ pass }) => pass === 'prune-channels')!;
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
