// An eight-bit weight computed in float: Cast → [Sub] → Mul on constants, which onnxruntime folds when the session is created, so
// that every kernel runs as it does on float weights. (It does not fold DequantizeLinear, and loses its fast Conv kernels with it.)
import type { Node, Value } from '../../ir/index.js';
import type { ConstantSource } from '../../ops/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import type { DataType } from '../../tensor/index.js';
import type { QuantizedWeight } from './quantized-weight.js';

/**
 * Adds the nodes that restore `weight` at the start of its graph, where every user finds them.
 * @param parameterShape of the scales: broadcasts over the weight.
 * @param dataType of the float weight.
 */
export function restoreWeight(weight: QuantizedWeight, parameterShape: readonly number[], dataType: DataType): Value {
  const nodes = NodeInserter.behind(weight.value, weight.graph, weight.name);
  const shape = weight.parameterShape(parameterShape);
  const { dataType: integerType } = weight.parameters;
  let value = nodes.cast(weight.value, integerType, 'float32', 'float32');
  if (weight.hasZeroPoint) {
    const zeroPoint = nodes.cast(weight.zeroPoint(shape), integerType, 'float32', 'zero_point_float32');
    value = nodes.add('Sub', [value, zeroPoint], 'centred');
  }
  const scaled = nodes.add('Mul', [value, weight.scale(shape)], 'restored');
  return nodes.cast(scaled, 'float32', dataType, dataType);
}

/**
 * Lets `node` take the restored weight, in front of whatever casts or transposes it.
 * @param restored weights that were restored already.
 */
export function useRestored(
  node: Node,
  { source, input }: { readonly source: ConstantSource; readonly input: number },
  weight: QuantizedWeight,
  parameterShape: readonly number[],
  restored: Map<QuantizedWeight, Value>,
): void {
  const [consumer, index] = source.path.length > 0 ? [source.path.at(-1)!, 0] : [node, input];
  // Two users of one weight may share what lies in between.
  if (consumer.input(index) !== source.value) return;
  let value = restored.get(weight);
  if (!value) {
    value = restoreWeight(weight, parameterShape, source.tensor.dataType);
    restored.set(weight, value);
  }
  consumer.replaceInput(index, value);
}
