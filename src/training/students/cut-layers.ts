// A student cut from its teacher: fewer of its residual blocks (Sanh et al. 2019), those kept whose absence would hurt the outputs most, found
// greedily on a few examples.
import type { Engine } from '../../engine/index.js';
import { throwIfAborted, usageError } from '../../errors.js';
import { cloneModel, type Graph, type Model, type Value } from '../../ir/index.js';
import type { Tensor } from '../../tensor/index.js';
import type { Batch } from '../examples.js';
import { findResidualBlocks, type ResidualBlock } from './residual-blocks.js';

export interface CutOptions {
  /** Blocks to keep. */
  readonly count: number;
  /** Examples to choose with. */
  readonly batches: readonly Batch[];
  readonly engine: Engine;
  readonly threads: number;
  readonly signal: AbortSignal;
  onTrial?(done: number, total: number): void;
}

/** Edits `model`; gives the numbers of the blocks that went, from 0 on, in the order they went. Throws USAGE where there are too few blocks. */
export async function cutLayers(model: Model, options: CutOptions): Promise<number[]> {
  const blocks = await findResidualBlocks(model, options.engine);
  const { count } = options;
  if (blocks.length === 0) throw usageError('The teacher has no residual blocks that could be left out');
  if (count >= blocks.length) {
    throw usageError(
      `The teacher has ${blocks.length} blocks that could be left out, so layers:${count} is not smaller`,
    );
  }
  const removed = await chooseBlocks(model, blocks, options);
  removeBlocks(
    model.graph,
    removed.map((index) => blocks[index]),
  );
  return removed;
}

async function chooseBlocks(model: Model, blocks: readonly ResidualBlock[], options: CutOptions): Promise<number[]> {
  const wanted = blocks.length - options.count;
  const total = Array.from({ length: wanted }, (_, i) => blocks.length - i).reduce((a, b) => a + b, 0);
  const expected = await outputsOf(model, options);
  const removed: number[] = [];
  let tried = 0;
  while (removed.length < wanted) {
    let best = { index: -1, distance: Number.POSITIVE_INFINITY };
    for (const index of blocks.keys()) {
      if (removed.includes(index)) continue;
      throwIfAborted(options.signal);
      const candidate = cloneModel(model);
      removeBlocks(
        candidate.graph,
        [...removed, index].map((i) => blocks[i]),
      );
      const distance = meanDivergence(expected, await outputsOf(candidate, options));
      if (distance < best.distance || best.index < 0) best = { index, distance };
      tried++;
      options.onTrial?.(tried, total);
    }
    removed.push(best.index);
  }
  return removed;
}

async function outputsOf(model: Model, { batches, engine, threads }: CutOptions): Promise<Tensor[]> {
  const session = await engine.open(model, { threads });
  const [name] = session.outputs.filter(({ type }) => type?.dataType === 'float32').map((output) => output.name);
  try {
    const outputs: Tensor[] = [];
    for (const { sample } of batches) outputs.push((await session.run(sample.feeds, [name]))[name]);
    return outputs;
  } finally {
    await session.close();
  }
}

/** KL of the softmax of rows; enough to compare blocks, whatever the output means. */
function meanDivergence(expected: readonly Tensor[], actual: readonly Tensor[]): number {
  let sum = 0;
  let rows = 0;
  for (const [index, tensor] of expected.entries()) {
    const width = tensor.shape.at(-1) ?? 1;
    const [p, q] = [tensor.readFloat32(), actual[index].readFloat32()];
    for (let start = 0; start < p.length; start += width) {
      sum += divergence(p.subarray(start, start + width), q.subarray(start, start + width));
      rows++;
    }
  }
  return sum / Math.max(rows, 1);
}

function divergence(p: Float32Array, q: Float32Array): number {
  const [logP, logQ] = [logSumExp(p), logSumExp(q)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.exp(p[i] - logP) * (p[i] - logP - (q[i] - logQ));
  return sum;
}

function logSumExp(values: Float32Array): number {
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Lets what used the end of each block use its beginning, and drops what nothing needs any more. */
export function removeBlocks(graph: Graph, blocks: readonly ResidualBlock[]): void {
  const values = new Map<string, Value>(graph.inputs.map((input) => [input.name, input]));
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) values.set(output.name, output);
  // From the last to the first, so that the beginning of a block is never one that went already.
  const position = new Map([...values.keys()].map((name, index) => [name, index]));
  const order = [...blocks].sort((a, b) => position.get(b.to)! - position.get(a.to)!);
  for (const { from, to } of order) {
    const [start, end] = [values.get(from)!, values.get(to)!];
    for (const use of [...end.uses]) use.node.replaceInput(use.index, start);
  }
  for (const node of [...graph.nodes()].reverse()) {
    if (node.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
  for (const value of [...graph.initializers]) if (!value.isUsed && !value.isGraphInput) graph.removeInitializer(value);
}
