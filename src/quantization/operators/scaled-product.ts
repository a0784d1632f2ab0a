// MatMulInteger → Cast → Mul [→ Add], which onnxruntime fuses into com.microsoft.DynamicQuantizeMatMul (or MatMulIntegerToFloat, where
// activations are shared). The Mul of the two scales must come first: (sum · x_scale) · w_scale is not fused, and takes 1.5 times as long.
import type { Value } from '../../ir/index.js';
import type { NodeInserter } from '../../rewrite/index.js';

export interface ScaledProduct {
  /** uint8 activations, their zero point, and their scale. */
  readonly activation: readonly [Value, Value, Value];
  /** Integers [K, N]. */
  readonly weight: Value;
  readonly zeroPoint: Value | null;
  readonly scale: Value;
  /** float32, broadcasts over the result. */
  readonly bias: Value | null;
  /** Name of the node that computes the integer product. */
  readonly name: string;
}

/** The result, float32 [..., N]. */
export function emitScaledProduct(nodes: NodeInserter, { activation, ...parts }: ScaledProduct): Value {
  const [quantized, activationZero, activationScale] = activation;
  const inputs = [quantized, parts.weight, activationZero, ...(parts.zeroPoint ? [parts.zeroPoint] : [])];
  const product = nodes.add('MatMulInteger', inputs, 'product', parts.name ? { name: parts.name } : {});
  const scale = nodes.add('Mul', [activationScale, parts.scale], 'product_scale');
  const scaled = nodes.add('Mul', [nodes.cast(product, 'int32', 'float32', 'product_float'), scale], 'scaled');
  return parts.bias ? nodes.add('Add', [scaled, parts.bias], 'biased') : scaled;
}
