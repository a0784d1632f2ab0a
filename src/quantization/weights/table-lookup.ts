// Gather on a quantized table of embeddings: rows are taken as integers, and multiplied with their scales, taken by a second Gather. So the
// table is never restored to float as a whole, in memory or in time.
import { intAttribute, type Node } from '../../ir/index.js';
import { NodeInserter, replaceNode } from '../../rewrite/index.js';
import type { DataType } from '../../tensor/index.js';
import type { QuantizedWeight } from './quantized-weight.js';

/**
 * Puts the lookup in the place of `node`.
 * @param axis along which rows lie.
 * @param scaleShape of the scales: [rows] along the axis, 1 elsewhere.
 * @param dataType of the float rows.
 */
export function replaceTableLookup(
  node: Node,
  weight: QuantizedWeight,
  { axis, scaleShape, dataType }: { axis: number; scaleShape: readonly number[]; dataType: DataType },
): void {
  const indices = node.inputs[1]!;
  const nodes = new NodeInserter(node, node.output.name);
  const attributes = { axis: intAttribute(axis) };
  const rows = nodes.add('Gather', [weight.value, indices], 'rows', { name: node.name, attributes });
  const scale = weight.scale(weight.parameterShape(scaleShape));
  const scales = weight.channels === 1 ? scale : nodes.add('Gather', [scale, indices], 'scales', { attributes });
  const restored = nodes.add('Mul', [nodes.cast(rows, 'int8', 'float32', 'float32'), scales], 'scaled');
  replaceNode(node, nodes.cast(restored, 'float32', dataType, dataType));
}
