// Nodes that compute in float between integers: what an engine did not find an integer kernel for, and pays two conversions.
import type { Model, Node, Value } from '../../ir/index.js';

/**
 * The nodes of the main graph of a model, as the engine optimized it, that multiply by weights restored from integers in every run, or take nothing but
 * dequantized values and have all that they compute quantized again.
 */
export function unfusedNodes({ graph }: Model): Node[] {
  return [...graph.nodes()].filter(
    (node) => !isConversion(node) && (takesRestoredWeight(node) || liesBetweenIntegers(node)),
  );
}

/** QuantizeLinear and DequantizeLinear that are left in the main graph of a model, as the engine optimized it. */
export function conversionCount({ graph }: Model): number {
  return [...graph.nodes()].filter(isConversion).length;
}

function liesBetweenIntegers(node: Node): boolean {
  const operands = node.inputs.filter((value) => value !== null && !value.isInitializer);
  if (operands.length === 0 || !operands.every((value) => value?.producer && isRestoring(value.producer))) return false;
  const results = node.outputs.filter((output) => output !== null);
  return results.every((value) => value.uses.size > 0 && !value.isGraphOutput && isOnlyQuantized(value));
}

function isOnlyQuantized(value: Value): boolean {
  return [...value.uses].every(({ node }) => isQuantizing(node));
}

const weighted: ReadonlySet<string> = new Set([
  ...['Conv', 'ConvTranspose', 'Gemm', 'MatMul'],
  ...['FusedConv', 'FusedGemm', 'FusedMatMul'].map((name) => `com.microsoft::${name}`),
]);

/** A weight that is restored from integers in every run, for a product in float. */
function takesRestoredWeight(node: Node): boolean {
  return weighted.has(node.qualifiedType) && isRestoredConstant(node.input(1));
}

function isRestoredConstant(value: Value | null): boolean {
  const producer = value?.producer;
  return (
    producer !== undefined && producer !== null && isRestoring(producer) && producer.input(0)?.isInitializer === true
  );
}

function isRestoring({ opType }: Node): boolean {
  return opType === 'DequantizeLinear';
}

function isQuantizing({ opType }: Node): boolean {
  return opType === 'QuantizeLinear';
}

function isConversion(node: Node): boolean {
  return isRestoring(node) || isQuantizing(node);
}
