// What an ONNX operator is to the engine: a function from tensors of TensorFlow.js to tensors of TensorFlow.js.
import type { Node } from '../../ir/index.js';
import type { Tfjs, TfTensor } from './backend.js';

export interface OperatorContext {
  readonly tf: Tfjs;
  readonly node: Node;
  /** Version of ONNX's operators. */
  readonly opset: number;
  readonly inputs: readonly (TfTensor | null)[];
  /** Input `index`, which must be there. */
  input(index: number): TfTensor;
  /** The numbers of an input that is a constant; null where it is left out. Throws MODEL_UNSUPPORTED where it is computed. */
  numbers(index: number): readonly number[] | null;
}

/** One tensor for each output, in order. All others that it makes are disposed of by the caller. */
export type Operator = (context: OperatorContext) => TfTensor | readonly (TfTensor | null)[];

export type OperatorTable = Readonly<Record<string, Operator>>;

/** A negative axis counts from the end. */
export function resolveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
