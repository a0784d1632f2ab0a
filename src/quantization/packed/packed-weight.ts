// A packed weight in a graph: Cast, Cast, Mul, Reshape on constants (at 3 and 2 bits a few more) make it an int8 weight. onnxruntime folds them when the session is created, and
// frees what they were made of; the chain is short and in int8, as what is folded stays in memory until all is.
import type { Graph, Value } from '../../ir/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import { int64Tensor, type Tensor } from '../../tensor/index.js';
import { QuantizedWeight } from '../weights/quantized-weight.js';
import { codebookCodes } from './pack-codebook.js';
import { multiplierTensor, type PackedLayout, type PackedParameters, packedInt4Tensor } from './pack-weight.js';
import type { PackedWidth } from './packed-multiplier.js';
import { decodePlanes, packedPlanes, planeParts } from './packed-planes.js';
import { addByTables, addNibblesByTable, decodeBytes } from './packed-tables.js';

/** Opset that casts INT4. */
export const packedOpset = 21;

/** How integers are stored: as ONNX's types of 4 bits, or as bytes that tables decode. */
export type PackedCoding = 'nibbles' | 'tables';

/** Whether integers of `bits` fill whole nibbles: three values share them with a fourth, two with each other. */
export function fillsNibbles(size: number, bits: PackedWidth): boolean {
  return bits === 4 || (bits !== 1.6 && size % planeParts[bits] === 0);
}

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
  coding: PackedCoding = 'nibbles',
): QuantizedWeight {
  const nodes = NodeInserter.atStart(graph, name);
  const { bits, scale } = parameters;
  const { outer, k, inner, blockSize } = layout;
  const whole = [outer, k / blockSize, blockSize, inner];
  let integers: Value;
  if (parameters.codebook) {
    const codes = codebookCodes(tensor, layout, parameters);
    integers = decodeBytes(nodes, `${name}_vectors`, codes, parameters.codebook, whole);
  } else if (coding === 'tables' || bits === 1.6)
    integers = addByTables(nodes, `${name}_q${bits}`, tensor, layout, parameters, whole);
  else if (bits === 4) {
    const stored = graph.addInitializer(`${name}_q4`, packedInt4Tensor(tensor, layout, parameters));
    integers = nodes.cast(stored, 'int4', 'int8', 'q');
  } else {
    const stored = graph.addInitializer(`${name}_q${bits}`, packedPlanes(tensor, layout, parameters));
    const blocks = int64Tensor([4], whole);
    const decoded = decodePlanes(nodes, stored, name, bits);
    integers = nodes.add('Reshape', [decoded, graph.addInitializer(`${name}_blocks`, blocks)], 'q4d');
  }
  let multipliers: Value;
  if (coding === 'tables') {
    const bytes = multiplierTensor(tensor, layout, parameters, 'uint8');
    multipliers = addNibblesByTable(nodes, `${name}_m4`, bytes, [outer, k / blockSize, 1, inner]);
  } else {
    const stored = multiplierTensor(tensor, layout, parameters);
    multipliers = nodes.cast(graph.addInitializer(`${name}_m4`, stored), 'int4', 'int8', 'm');
  }
  const shape = graph.addInitializer(`${name}_shape`, int64Tensor([tensor.shape.length], tensor.shape));
  const product = nodes.add('Mul', [integers, multipliers], 'qm');
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
