// Leaves residual blocks out (layers of transformers, blocks of residual CNNs), greedily, and lets what is left make up for them.
import { findResidualBlocks, type ResidualBlock, removeBlocks } from '../../src/analysis/index.js';
import { cloneModel, type Model, type Node } from '../../src/ir/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import { chooseBlocks, firstOf, repairGaps, samplesOrMadeUp } from '../../src/pruning/index.js';
import { valuesByName } from '../../src/rewrite/index.js';
import { options } from './options.js';
import { layerTarget } from './target.js';

/** Samples over which outputs are compared. */
const comparedSamples = 256;

export const pruneLayers = definePass({
  name: 'prune-layers',
  kind: 'prune',
  summary: 'Leaves out the residual blocks that matter least.',
  options,
  needs: ['inference'],
  async run(model, options, context) {
    const { record, engine, workers, signal } = context;
    const { blocks, kept } = await findResidualBlocks(model, engine);
    const candidates = candidateBlocks(model, blocks, kept, context);
    if (candidates.length === 0) return;
    const target = layerTarget(model, candidates.length, blocks.length, options);
    if (target.keepsOne)
      record.warn(`The ratio would leave none of the ${candidates.length} residual blocks: one stays.`);
    const chosen = await chooseBlocks(model, blocks, {
      importance: options.importance === 'auto' ? 'output-error' : options.importance,
      candidates,
      enough: (removed, left) => target.enough(removed, left),
      engine,
      samples: firstOf(await samplesOrMadeUp(model, context), comparedSamples),
      threads: workers.jobs,
      signal,
      onTrial: (done) => context.progress(done, null),
    });
    recordChoice(model, blocks, candidates, chosen, context);
    if (chosen.length === 0) return;
    const before = cloneModel(model);
    const gaps = removeBlocks(
      model,
      chosen.map(({ index }) => blocks[index]),
    );
    if (
      !target.enough(
        chosen.map(({ index }) => index),
        model,
      )
    ) {
      const left = `${(100 * target.left(model)).toFixed(1)} %`;
      record.metric('targetMissed', 1);
      record.warn(
        `The target cannot be met: ${left} of the ${target.measure} is left without all ${chosen.length} residual blocks that can go.`,
      );
    }
    if (options.reconstruct && context.samples) {
      record.metric('refittedOperators', await repairGaps(model, before, gaps, context));
    }
  },
});

/** Numbers of the blocks that may go; why others stay is recorded. */
function candidateBlocks(
  model: Model,
  blocks: readonly ResidualBlock[],
  kept: ReadonlyMap<string, string>,
  { targets, record }: PassContext,
): number[] {
  const values = valuesByName(model.graph);
  const closing = (name: string): Node => values.get(name)!.producer!;
  const wanted = new Set(targets());
  for (const [end, reason] of kept) if (wanted.has(closing(end))) record.skipped(closing(end), reason);
  if (blocks.length === 0 && kept.size === 0) record.skipped('the model', 'it has no residual blocks');
  return [...blocks.keys()].filter((index) => wanted.has(closing(blocks[index].to)));
}

function recordChoice(
  model: Model,
  blocks: readonly ResidualBlock[],
  candidates: readonly number[],
  chosen: readonly { readonly index: number; readonly score: number }[],
  { record }: PassContext,
): void {
  const values = valuesByName(model.graph);
  const scores = new Map(chosen.map(({ index, score }) => [index, score]));
  for (const index of candidates) {
    const node = values.get(blocks[index].to)!.producer!;
    const score = scores.get(index);
    if (score === undefined) record.skipped(node, 'this block matters more than others');
    else record.changed(node, `block ${index + 1} of ${blocks.length} left out (score ${score.toPrecision(2)})`);
  }
  record.table(
    ['block', 'from', 'to', 'left out', 'score'],
    candidates.map((index) => {
      const rank = chosen.findIndex((choice) => choice.index === index);
      const { from, to } = blocks[index];
      const score = scores.get(index)?.toPrecision(2) ?? '';
      return [String(index + 1), from, to, rank < 0 ? 'no' : `as number ${rank + 1}`, score];
    }),
  );
  if (chosen.length > 0) record.metric('remainingBlocks', blocks.length - chosen.length);
}
