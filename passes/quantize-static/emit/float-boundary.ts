// Where onnxruntime would pull a QuantizeLinear into what is to be computed in float: it moves one in front of MaxPool, whose kernel for integers outside of
// channels-last stretches is many times as slow, and takes a convolution or Gemm between integers for an integer one, whose weights it then rounds itself.
import type { Node, Value } from '../../../src/ir/index.js';

/** QuantizeLinear goes through them in both directions. */
const moving: readonly string[] = ['Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice'];
const weighted: readonly string[] = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'];

/** Whether that would happen in front of a QuantizeLinear behind the float `value`. @param integers values that integer kernels compute. */
export function isPulledIn(value: Value, integers: ReadonlySet<Value>): boolean {
  const node = integers.has(value) ? null : behindMoves(value).producer;
  if (!node) return false;
  if (node.is('MaxPool')) return true;
  const linear = node.is('Relu', 'Clip') ? node.input(0)?.producer : node;
  return linear?.is(...weighted) === true && takesIntegers(linear, integers);
}

/** Activations that onnxruntime computes within a float Gemm. */
const fusedIntoGemm = ['Relu', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid', 'Elu', 'Selu', 'Softplus', 'Softsign'];

/**
 * Whether the Gemm and the activation behind it would become one in float, which is looked for before integers are; a Relu that is quantized goes into the
 * QuantizeLinear first. @param quantized values that get one.
 */
export function isFusedWithActivation(node: Node, quantized: { has(value: Value): boolean }): boolean {
  const { output } = node;
  if (!node.is('Gemm') || output.isGraphOutput || output.uses.size !== 1) return false;
  const [{ node: activation }] = output.uses;
  return activation.is(...fusedIntoGemm) && !(activation.is('Relu') && quantized.has(activation.output));
}

function takesIntegers(node: Node, integers: ReadonlySet<Value>): boolean {
  const input = node.input(0);
  return input !== null && integers.has(behindMoves(input, [...moving, 'MaxPool']));
}

/** What `value` is made of by moving elements alone. */
function behindMoves(value: Value, operators = moving): Value {
  let moved = value;
  for (let node = moved.producer; node?.is(...operators) && node.input(0); node = moved.producer)
    moved = node.input(0)!;
  return moved;
}
