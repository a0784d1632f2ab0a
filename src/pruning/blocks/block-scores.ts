// What residual blocks are worth: how far outputs move without them, how little they turn the stream (block influence: Men et al., "ShortGPT",
// 2024), or how much the loss depends on what they add (first-order Taylor).
import { type ResidualBlock, removeBlocks } from '../../analysis/index.js';
import { sweep } from '../../calibration/index.js';
import { cloneModel, type Model, type Value } from '../../ir/index.js';
import { valuesByName } from '../../rewrite/index.js';
import { type TaylorOrder, taylorImportance } from '../../training/index.js';
import { modelDivergences, type TrialOptions } from '../budget/variants.js';

export type BlockImportance = 'output-error' | 'block-influence' | 'taylor' | 'fisher';

/** A model without some of its blocks, and what the others are called in it. */
export interface CutModel {
  readonly model: Model;
  readonly blocks: readonly ResidualBlock[];
  /** Numbers of the blocks that are gone. */
  readonly removed: readonly number[];
}

export function cut(original: Model, blocks: readonly ResidualBlock[], removed: readonly number[]): CutModel {
  const model = cloneModel(original);
  removeBlocks(
    model,
    removed.map((index) => blocks[index]),
  );
  return { model, blocks: blocks.map((block) => ({ ...block, to: nameOf(block.to, blocks, removed) })), removed };
}

/** Behind a value whose next block is gone, it has the name of the end of that. */
function nameOf(name: string, blocks: readonly ResidualBlock[], removed: readonly number[]): string {
  const next = removed.find((index) => blocks[index].from === name);
  return next === undefined ? name : nameOf(blocks[next].to, blocks, removed);
}

/** One score for each of `candidates`, blocks that are left in `current`; less is less important. `original`: what outputs are compared with. */
export function blockScores(
  importance: BlockImportance,
  original: Model,
  current: CutModel,
  candidates: readonly number[],
  options: TrialOptions,
): Promise<number[]> {
  const blocks = candidates.map((index) => current.blocks[index]);
  switch (importance) {
    case 'output-error':
      return modelDivergences(
        original,
        blocks.map((block) => () => cut(current.model, [block], [0]).model),
        options,
      );
    case 'block-influence':
      return influences(current.model, blocks, options);
    case 'taylor':
    case 'fisher':
      return taylorScores(current.model, blocks, importance === 'taylor' ? 'first' : 'fisher', options);
  }
}

/** 1 − the mean cosine of what comes into a block and what leaves it, over positions: vectors of channels. */
async function influences(model: Model, blocks: readonly ResidualBlock[], options: TrialOptions): Promise<number[]> {
  const values = valuesByName(model.graph);
  const ends = blocks.map(({ from, to }) => [values.get(from)!, values.get(to)!] as const);
  const meters = blocks.map(() => ({ sum: 0, count: 0 }));
  await sweep(
    [{ model, values: ends.flat() }],
    ([observed]) => {
      for (const [at, [from, to]] of ends.entries()) {
        const [before, after] = [observed.get(from)!, observed.get(to)!];
        for (const cosine of cosines(before.readFloat32(), after.readFloat32(), before.shape)) {
          meters[at].sum += cosine;
          meters[at].count++;
        }
      }
    },
    options,
  );
  options.onTrial?.(blocks.length);
  return meters.map(({ sum, count }) => 1 - sum / Math.max(count, 1));
}

/** Of the vectors along the channels: axis 1 of images, else the last one. */
export function* cosines(a: Float32Array, b: Float32Array, shape: readonly number[]): Iterable<number> {
  const axis = shape.length > 3 ? 1 : shape.length - 1;
  const width = shape[axis];
  const inner = shape.slice(axis + 1).reduce((size, length) => size * length, 1);
  for (let outer = 0; outer < a.length; outer += width * inner) {
    for (let position = 0; position < inner; position++) {
      let [dot, aa, bb] = [0, 0, 0];
      for (let channel = 0; channel < width; channel++) {
        const at = outer + channel * inner + position;
        dot += a[at] * b[at];
        aa += a[at] * a[at];
        bb += b[at] * b[at];
      }
      yield aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : aa === bb ? 1 : 0;
    }
  }
}

/** |Σ ∂L/∂O · O|, or half of its square, with O what a block adds to the stream. */
async function taylorScores(
  model: Model,
  blocks: readonly ResidualBlock[],
  order: TaylorOrder,
  options: TrialOptions,
): Promise<number[]> {
  const copy = cloneModel(model);
  const values = valuesByName(copy.graph);
  const added = blocks.map(({ from, to }) => branchOf(values.get(from)!, values.get(to)!).name);
  const scores = await taylorImportance(
    copy,
    added.map((name) => ({ name, axis: null })),
    options.samples,
    { ...options, order },
  );
  options.onTrial?.(blocks.length);
  return added.map((name) => scores.get(name)?.[0] ?? 0);
}

/** Writes the end of a block as its beginning + what it adds, and gives the latter. */
function branchOf(from: Value, to: Value): Value {
  const { graph } = to.producer!;
  const users = [...to.uses];
  const added = graph!.insertAfter(to.producer!, { opType: 'Sub', inputs: [to, from] });
  const sum = graph!.insertAfter(added, { opType: 'Add', inputs: [from, added.output] });
  for (const { node, index } of users) node.replaceInput(index, sum.output);
  return added.output;
}
