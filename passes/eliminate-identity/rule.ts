// What a rule is: it answers with the input that a node hands on unchanged, or null.
import type { Node, TensorType, Value } from '../../src/ir/index.js';
import type { Tensor } from '../../src/tensor/index.js';

/** What is known around a node. */
export interface Facts {
  /** Version of ONNX's own operators. */
  readonly opset: number;
  /** The tensor of a value that cannot be replaced at run time. */
  constant(value: Value | null): Tensor | null;
  /** The inferred type. */
  type(value: Value): TensorType | null;
}

export type Rule = (node: Node, facts: Facts) => Value | null;
