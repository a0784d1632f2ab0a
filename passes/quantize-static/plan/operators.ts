// What onnxruntime computes with integers besides linear operators, as bench/probe-runtimes finds it by running one-node models: operators between
// DequantizeLinear and QuantizeLinear that become one kernel, and operators that know integers although nothing is fused around them.
import type { Node } from '../../../src/ir/index.js';
import { constantSource } from '../../../src/ops/index.js';
import { computesIntegers, implementsProbe, type RuntimeTarget } from '../../../src/quantization/index.js';

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
  'Gather',
  'GatherElements',
  'Expand',
  'Tile',
  'ReduceMax',
  'ReduceMin',
]);

/** com.microsoft::QLinear… kernels: each operand and the result with a range of its own. */
const computing: ReadonlySet<string> = new Set([
  'Add',
  'Mul',
  'Concat',
  'AveragePool',
  'LeakyRelu',
  'Sigmoid',
  'HardSigmoid',
  'HardSwish',
]);

const severalOperands: ReadonlySet<string> = new Set(['Add', 'Mul', 'Concat']);

export const elementwiseOperators: readonly string[] = [...rangeKeeping, ...computing, 'Resize', 'Pad', 'Relu'];

export interface ElementwiseFacts {
  readonly keepsRange: boolean;
  /** How many of its inputs, from the first, hold activations. */
  readonly operands: number;
  /** It takes the integers themselves: nothing is fused around it. */
  readonly direct: boolean;
}

/** null for what is computed in float. @param opset of ONNX's own operators. */
export function elementwiseFacts(
  node: Node,
  opset: number,
  { activationSymmetric }: { readonly activationSymmetric: boolean },
): ElementwiseFacts | null {
  if (node.domain !== '') return null;
  const { opType } = node;
  if (opType === 'Pad') return padsWithZeros(node, opset) ? { keepsRange: true, operands: 1, direct: true } : null;
  // Where ranges are centred on zero, none of them ends where Relu does.
  if (opType === 'Relu')
    return activationSymmetric && opset >= 12 ? { keepsRange: true, operands: 1, direct: true } : null;
  // Interpolation is computed in float; MaxPool knows integers since opset 12, and not with indices.
  if (opType === 'Resize' && node.attributes.string('mode', 'nearest') !== 'nearest') return null;
  if (opType === 'MaxPool' && (opset < 12 || node.outputs.some((output, index) => index > 0 && output))) return null;
  // Reductions know eight bits since opset 12.
  if (opType.startsWith('Reduce') && opset < 12) return null;
  if (opType === 'Resize' || rangeKeeping.has(opType)) return { keepsRange: true, operands: 1, direct: false };
  if (!computing.has(opType) || (opType === 'HardSigmoid' && !isRising(node))) return null;
  return { keepsRange: false, operands: severalOperands.has(opType) ? node.inputs.length : 1, direct: false };
}

/** With an offset above zero, which is what the addition that replaces it can write. */
function isRising({ attributes }: Node): boolean {
  return attributes.float('alpha', 0.2) > 0 && attributes.float('beta', 0.5) > 0;
}

/** What is added is zero, which every range holds, or taken from the input itself. Pad knows eight bits since opset 13. */
function padsWithZeros(node: Node, opset: number): boolean {
  if (opset < 13) return false;
  if (node.attributes.string('mode', 'constant') !== 'constant') return true;
  const value = node.input(2);
  return (
    value === null ||
    constantSource(value)
      ?.tensor.readNumbers()
      .every((number) => number === 0) === true
  );
}

/** Results of these lie within, whatever comes: [0, 1]. */
const unitRange: readonly string[] = ['Sigmoid', 'HardSigmoid', 'Softmax'];

/** The range that an activation function gives its results, whatever it takes; null where it gives none. */
export function naturalRange(node: Node | null): { readonly low: number; readonly high: number } | null {
  return node?.is(...unitRange) ? { low: 0, high: 1 } : null;
}

/** Whether the runtime computes the operator with integers of the type: between pairs, or as operator on integers. */
export function isImplemented(
  node: Node,
  { direct, keepsRange }: ElementwiseFacts,
  { format, activationType }: { readonly format: 'qdq' | 'qoperator'; readonly activationType: string },
  target: RuntimeTarget,
): boolean {
  return namesInTable(node).every((name) => {
    if (direct) return implementsProbe(target, `op ${name} ${activationType}`);
    if (format === 'qdq') return computesIntegers(target, `qdq ${name} ${activationType}`);
    return implementsProbe(target, `op ${keepsRange ? name : `QLinear${name}`} ${activationType}`);
  });
}

/** What the probes call the operators that a node becomes. */
function namesInTable(node: Node): readonly string[] {
  switch (node.opType) {
    case 'Resize':
      return ['Resize nearest'];
    case 'Pad':
      return [`Pad ${node.attributes.string('mode', 'constant')}`];
    case 'Relu':
      return ['Clip'];
    case 'HardSigmoid':
      return ['Add'];
    case 'HardSwish':
      return ['Add', 'Mul'];
    default:
      return [node.opType];
  }
}
