// A packed weight in a graph: Cast, Cast, Mul, Reshape on constants make it an int8 weight. onnxruntime folds them when the session is created, and
// frees what they were made of; the chain is short and in int8, as what is folded stays in memory until all is.
import type { Graph } from '../ir/index.js';
import { NodeInserter } from '../rewrite/index.js';
import { int64Tensor, type Tensor } from '../tensor/index.js';
import { multiplierTensor, type PackedLayout, type PackedParameters, packedInt4Tensor } from './pack-weight.js';
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
  const integers = graph.addInitializer(`${name}_q4`, packedInt4Tensor(tensor, layout, parameters));
  const multipliers = graph.addInitializer(`${name}_m4`, multiplierTensor(layout, parameters));
  const shape = graph.addInitializer(`${name}_shape`, int64Tensor([tensor.shape.length], tensor.shape));
  const product = nodes.add(
    'Mul',
    [nodes.cast(integers, 'int4', 'int8', 'q'), nodes.cast(multipliers, 'int4', 'int8', 'm')],
    'qm',
  );
  const value = nodes.add('Reshape', [product, shape], 'w8');
  const { scale } = parameters;
  const zeroPoint = new Int32Array(scale.length);
  return new QuantizedWeight(graph, name, value, {
    dataType: 'int8',
    scale,
    zeroPoint,
    minimum: -64,
    maximum: 64,
  });
}
