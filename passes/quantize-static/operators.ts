// What onnxruntime computes with integers besides linear operators, found by looking at what it makes of one-node models
// (Quantize, Dequantize → operator → Quantize, Dequantize) with version 1.30.
import type { Node } from '../../src/ir/index.js';

/** They move or pick elements: one range for input and outputs, and the kernel of any type of element. */
const rangeKeeping: ReadonlySet<string> = new Set([
  'MaxPool',
  'Reshape',
  'Flatten',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Split',
  'DepthToSpace',
]);

/** com.microsoft::QLinear… kernels: each operand and the result with a range of its own. */
const computing: ReadonlySet<string> = new Set(['Add', 'Mul', 'Concat', 'AveragePool', 'LeakyRelu', 'Sigmoid']);

const severalOperands: ReadonlySet<string> = new Set(['Add', 'Mul', 'Concat']);

export const elementwiseOperators: readonly string[] = [...rangeKeeping, ...computing, 'Resize'];

export interface ElementwiseFacts {
  readonly keepsRange: boolean;
  /** How many of its inputs, from the first, hold activations. */
  readonly operands: number;
}

/** null for what is computed in float. @param opset of ONNX's own operators. */
export function elementwiseFacts(node: Node, opset: number): ElementwiseFacts | null {
  if (node.domain !== '') return null;
  const { opType } = node;
  // Interpolation is computed in float; MaxPool knows integers since opset 12, and not with indices.
  if (opType === 'Resize' && node.attributes.string('mode', 'nearest') !== 'nearest') return null;
  if (opType === 'MaxPool' && (opset < 12 || node.outputs.some((output, index) => index > 0 && output))) return null;
  if (opType === 'Resize' || rangeKeeping.has(opType)) return { keepsRange: true, operands: 1 };
  if (!computing.has(opType)) return null;
  return { keepsRange: false, operands: severalOperands.has(opType) ? node.inputs.length : 1 };
}
