// What is planned for a node before anything is edited: the weight it wants stored, in which layout, and the edit itself.
import type { Node, Value } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import type { DynamicActivations, PackedLayout, QuantizedWeight } from '../../src/quantization/index.js';
import type { Options } from './options.js';

export interface WeightRequest {
  /** Index of the node's input. */
  readonly input: number;
  readonly source: ConstantSource;
  readonly layout: PackedLayout;
  /** Whether the summed axis is the last of the stored tensor: it is [N, K]. */
  readonly rows: boolean;
}

export interface NodePlan {
  readonly node: Node;
  readonly requests: readonly [WeightRequest];
  /** Edits the graph. Returns what was done, in words. */
  apply(weight: QuantizedWeight, edit: EditContext): string;
}

export interface EditContext {
  readonly activations: DynamicActivations;
  /** Weights that were restored to float already. */
  readonly restored: Map<QuantizedWeight, Value>;
}

/** A plan, or the reason why there is none. */
export type Planned = NodePlan | string;

export interface PlanContext {
  readonly options: Options;
  /** Constants that some node takes rows from. */
  readonly tables: ReadonlySet<Value>;
}

/** Shorter blocks would spend too much on their multipliers. */
const leastBlock = 8;

/**
 * The weight at an input of a node, packed along an axis of it as the node sees it, with blocks of `blockSize` or the largest divisor of
 * the axis below; or the reason why it cannot be.
 */
export function requestWeight(
  input: number,
  source: ConstantSource,
  axis: number,
  { blockSize }: Pick<Options, 'blockSize'>,
): WeightRequest | string {
  if (source.shape.length !== 2) return `its weight has ${source.shape.length} dimensions`;
  const k = source.shape[axis];
  const n = source.shape[1 - axis];
  const fitting = largestDivisor(k, blockSize);
  if (fitting < leastBlock) return `no block of ${leastBlock} to ${blockSize} elements divides ${k}`;
  const rows = source.permutation[axis] === 1;
  const layout = { outer: rows ? n : 1, k, inner: rows ? 1 : n, blockSize: fitting };
  return { input, source, layout, rows };
}

function largestDivisor(length: number, most: number): number {
  let divisor = Math.min(most, length);
  while (divisor > 1 && length % divisor !== 0) divisor--;
  return divisor;
}

/** Shape in which the scales of a packed weight broadcast over the stored tensor. */
export function scaleShape({ layout, rows }: WeightRequest): readonly number[] {
  return rows ? [layout.outer, 1] : [1, layout.inner];
}
