// Nodes that compute in float between integers: what an engine did not find an integer kernel for, and pays two conversions.
import type { Model, Node, Value } from '../ir/index.js';

/**
 * The nodes of the main graph of a model, as the engine optimized it, that take nothing but dequantized values and either multiply by dequantized
 * weights or have all that they compute quantized again.
 */
export function unfusedNodes({ graph }: Model): Node[] {
  return [...graph.nodes()].filter((node) => {
    const operands = node.inputs.filter((value) => value !== null && !value.isInitializer);
    if (isConversion(node) || operands.length === 0 || !operands.every(isDequantized)) return false;
    if (node.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul') && isDequantized(node.input(1))) return true;
    const results = node.outputs.filter((output) => output !== null);
    return results.every((value) => value.uses.size > 0 && !value.isGraphOutput && isOnlyQuantized(value));
  });
}

function isDequantized(value: Value | null): boolean {
  return value?.producer?.opType === 'DequantizeLinear';
}

function isOnlyQuantized(value: Value): boolean {
  return [...value.uses].every(({ node }) => node.opType === 'QuantizeLinear');
}

function isConversion({ opType }: Node): boolean {
  return opType === 'QuantizeLinear' || opType === 'DequantizeLinear';
}
