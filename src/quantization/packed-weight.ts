// A packed weight in a graph: Cast, Cast, Mul, Reshape on constants (at 3 and 2 bits a few more) make it an int8 weight. onnxruntime folds them when the session is created, and
// frees what they were made of; the chain is short and in int8, as what is folded stays in memory until all is.
import type { Graph, Value } from '../ir/index.js';
import { NodeInserter } from '../rewrite/index.js';
import { int64Tensor, type Tensor } from '../tensor/index.js';
import { multiplierTensor, type PackedLayout, type PackedParameters, packedInt4Tensor } from './pack-weight.js';
import { decodePlanes, packedPlanes } from './packed-planes.js';
import { QuantizedWeight } from './quantized-weight.js';

/** Opset that casts INT4. */
export const packedOpset = 21;

/**
 * Adds the packed form of `tensor` and the nodes that decode it.
 * @param name of the float weight.
 * @returns the weight as int8, in the shape of `tensor`, with one scale per channel.
 */
export function addPackedWeight(
  graph: Graph,
  name: string,
  tensor: Tensor,
  layout: PackedLayout,
  parameters: PackedParameters,
): QuantizedWeight {
  const nodes = NodeInserter.atStart(graph, name);
  const { bits, scale } = parameters;
  const { outer, k, inner, blockSize } = layout;
  let integers: Value;
  if (bits === 4) {
    const stored = graph.addInitializer(`${name}_q4`, packedInt4Tensor(tensor, layout, parameters));
    integers = nodes.cast(stored, 'int4', 'int8', 'q');
  } else {
    const stored = graph.addInitializer(`${name}_q${bits}`, packedPlanes(tensor, layout, parameters));
    const blocks = int64Tensor([4], [outer, k / blockSize, blockSize, inner]);
    const decoded = decodePlanes(nodes, stored, name, bits);
    integers = nodes.add('Reshape', [decoded, graph.addInitializer(`${name}_blocks`, blocks)], 'q4d');
  }
  const multipliers = graph.addInitializer(`${name}_m4`, multiplierTensor(layout, parameters));
  const shape = graph.addInitializer(`${name}_shape`, int64Tensor([tensor.shape.length], tensor.shape));
  const product = nodes.add('Mul', [integers, nodes.cast(multipliers, 'int4', 'int8', 'm')], 'qm');
  const value = nodes.add('Reshape', [product, shape], 'w8');
  const zeroPoint = new Int32Array(scale.length);
  return new QuantizedWeight(graph, name, value, {
    dataType: 'int8',
    scale,
    zeroPoint,
    minimum: -64,
    maximum: 64,
  });
}
