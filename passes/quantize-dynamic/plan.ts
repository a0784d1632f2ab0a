// What is planned for a node before anything is edited: which weights it wants quantized and how, and the edit itself.
import type { Node, Value } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import {
  type DynamicActivations,
  floatWeightAt,
  layoutOf,
  type QuantizationLayout,
  type QuantizedWeight,
} from '../../src/quantization/index.js';
import { sizeOf } from '../../src/tensor/index.js';
import type { Options } from './options.js';

export interface WeightScheme {
  readonly dataType?: 'int8' | 'uint8';
  readonly symmetric?: boolean;
}

/** How a quantized weight is used: by an integer product, restored to float when the session starts, or row by row (Gather). */
export type WeightUse = 'product' | 'stored' | 'table';

export interface WeightRequest {
  /** Index of the node's input. */
  readonly input: number;
  readonly source: ConstantSource;
  /** One channel per scale, in the order in which the tensor is stored. */
  readonly layout: QuantizationLayout;
  /** Shape in which the scales broadcast over the tensor. */
  readonly parameterShape: readonly number[];
  readonly use: WeightUse;
  /** The last two axes are wanted in exchanged order. */
  readonly transposed?: boolean;
  /** Elements of a convolution's kernel, whose rounding errors are to cancel out. */
  readonly kernelSize?: number;
  /** Instead of the granularity that the options name. */
  readonly granularity?: 'channel';
  /** Instead of the type and symmetry that the options name; they tell what it leaves open. */
  readonly scheme?: WeightScheme;
}

export interface NodePlan {
  readonly node: Node;
  readonly requests: readonly WeightRequest[];
  /** Least version of the ONNX operators it needs. */
  readonly opset?: number;
  /** Multiplications of a row of activations with the weight, of a product that may quantize its activations twice. */
  readonly product?: number;
  /** Other operator domains it needs, all at version 1. */
  readonly domains?: readonly string[];
  /** Edits the graph; `weights` are in the order of the requests. Returns what was done, in words. */
  apply(weights: readonly QuantizedWeight[], edit: EditContext): string;
}

export interface EditContext {
  /** Nodes whose activations are quantized twice. */
  readonly twice: ReadonlySet<Node>;
  readonly activations: DynamicActivations;
  /** Weights that were restored to float already. */
  readonly restored: Map<QuantizedWeight, Value>;
}

/** A plan, or the reason why there is none. */
export type Planned = NodePlan | string;

export interface PlanContext {
  readonly options: Options;
  /** Why operators of opset 11 cannot be used; null when they can. */
  readonly integerObstacle: string | null;
  /** Without operators of com.microsoft. */
  readonly onnxOnly: boolean;
}

/** The float weight at an input of a node, or the reason why it cannot be quantized. */
export function weightAt(node: Node, input: number, { options }: PlanContext): ConstantSource | string {
  return floatWeightAt(node, input, options.minimumSize);
}

/**
 * Asks for a weight with one scale for each index along `axes` of it, as the node sees it. Null where these axes do not lie side by
 * side in the stored tensor.
 */
export function requestWeight(
  input: number,
  source: ConstantSource,
  axes: readonly number[],
  use: WeightUse,
): WeightRequest | null {
  const { shape } = source.tensor;
  const stored = axes.map((axis) => source.permutation[axis]).sort((a, b) => a - b);
  const [first] = stored;
  if (stored.some((axis, index) => axis !== first + index)) return null;
  const parts = [shape.slice(0, first), shape.slice(first, first + stored.length), shape.slice(first + stored.length)];
  const layout = layoutOf(parts.map(sizeOf), { kind: 'channel', axis: 1 });
  const parameterShape = shape.map((dim, axis) => (stored.includes(axis) ? dim : 1));
  return { input, source, layout, parameterShape, use };
}
