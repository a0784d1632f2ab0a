// What is to be quantized, decided before anything is edited or observed.
import type { LinearOperator } from '../../../src/analysis/index.js';
import type { Node, Value } from '../../../src/ir/index.js';

export interface Edge {
  readonly end: 'first' | 'last';
  readonly reason: string;
}

/** A linear operator whose weights become integers, and whose input is quantized. */
export interface PlannedLinear {
  readonly operator: LinearOperator;
  /** Of all multiplications of the model, 0 to 1. */
  readonly share: number;
  /** At an end of the model: why it may stay float; null: it may not. */
  readonly edge: Edge | null;
  /** What is quantized of its result, behind `activation`; null where the result stays float (matrix products). */
  readonly result: Value | null;
  /** Relu or Clip right behind it, which the range of its result replaces. */
  readonly activation: Node | null;
  /** A MatMul of two axes with its Add, written as Gemm: onnxruntime would make a float Gemm of them before it looks for integers. */
  readonly asGemm: boolean;
  /** Axes of its input where the lengths of all are fixed and more than two: there the same happens, by way of Reshape, unless the bias has as many. */
  readonly fixedAxes: number | null;
}

/** An operator without weights between linear ones, computed with integers. */
export interface PlannedElementwise {
  readonly node: Node;
  /** Its inputs that hold activations. */
  readonly operands: readonly Value[];
  readonly activation: Node | null;
  readonly results: readonly Value[];
  /** It moves or picks elements, and its results have the range of its input. */
  readonly keepsRange: boolean;
  /** It takes the integers themselves: nothing is fused around it. */
  readonly direct: boolean;
}

export interface StaticPlan {
  readonly linears: readonly PlannedLinear[];
  readonly elementwise: readonly PlannedElementwise[];
}

/** The values that are quantized, each with the one whose range it takes (mostly itself). */
export function quantizedValues({ linears, elementwise }: StaticPlan): Map<Value, Value> {
  const roots = new Map<Value, Value>();
  for (const { operator, result } of linears) {
    roots.set(operator.input, operator.input);
    if (result) roots.set(result, result);
  }
  for (const { operands, results } of elementwise) {
    for (const value of [...operands, ...results]) roots.set(value, value);
  }
  // In graph order: what a node takes over is settled.
  for (const { keepsRange, operands, results } of elementwise) {
    if (keepsRange) for (const result of results) roots.set(result, roots.get(operands[0])!);
  }
  return roots;
}

/** The values that integer kernels compute: nobody sees them before they are rounded. */
export function integerResults({ linears, elementwise }: StaticPlan): Set<Value> {
  const results = linears.flatMap(({ result }) => (result ? [result] : []));
  return new Set([...results, ...elementwise.flatMap((planned) => planned.results)]);
}

/** Bytes that nodes and parameters around a weight take, and those around a quantized activation, with their names. */
const linearBytes = 450;
const valueBytes = 500;

/** Whether the nodes that quantization adds take more than it saves: small models stay as they are. */
export function wouldGrow(plan: StaticPlan): boolean {
  const values = new Set(quantizedValues(plan).keys()).size;
  const saved = plan.linears.reduce(
    (sum, { operator: { weight, outputChannels } }) =>
      sum + weight.tensor.byteLength - weight.tensor.size - 4 * outputChannels - linearBytes,
    0,
  );
  return saved <= values * valueBytes;
}
