// Integers of 3 and 2 bits in nibbles (ONNX UINT4), which operators on uint8 take apart when onnxruntime loads the model. With u = q - the lowest
// q, and S elements in the order of the weight:
// - 2 bits: nibble i is u[i] | u[S/2 + i] << 2;
// - 3 bits: nibble (j, i), j < 3, is u[j·S/4 + i] | bit j of u[3·S/4 + i] << 3: three values and a part of the fourth.
import { intAttribute, stringAttribute, type Value } from '../../ir/index.js';
import { packElements } from '../../numeric/index.js';
import type { NodeInserter } from '../../rewrite/index.js';
import {
  ComputedTensor,
  chunkLength,
  int64Tensor,
  scalarTensor,
  type Tensor,
  type TensorKernel,
} from '../../tensor/index.js';
import type { PackedLayout, PackedParameters } from './pack-weight.js';
import { readIntegers } from './packed-tables.js';

/** Parts that the elements fall into, by width. */
export const planeParts = { 2: 2, 3: 4 } as const;

interface PlaneParameters {
  readonly layout: PackedLayout;
  readonly parameters: PackedParameters;
}

/** Memory: the integers, one per byte. */
export const packedPlanesKernel: TensorKernel<PlaneParameters> = {
  module: import.meta.url,
  exportName: 'packedPlanesKernel',
  *chunks([source], { layout, parameters }) {
    const integers = readIntegers(source, layout, parameters);
    const lowest = -(2 ** (parameters.bits - 1));
    const nibbles = parameters.bits === 3 ? threeBitNibbles(integers, lowest) : twoBitNibbles(integers, lowest);
    const bytes = packElements(nibbles, 4);
    for (let at = 0; at < bytes.length; at += chunkLength)
      yield bytes.subarray(at, Math.min(at + chunkLength, bytes.length));
  },
};

function twoBitNibbles(integers: Int8Array, lowest: number): Uint8Array {
  const half = integers.length / 2;
  const nibbles = new Uint8Array(half);
  for (let i = 0; i < half; i++) nibbles[i] = (integers[i] - lowest) | ((integers[half + i] - lowest) << 2);
  return nibbles;
}

function threeBitNibbles(integers: Int8Array, lowest: number): Uint8Array {
  const quarter = integers.length / 4;
  const nibbles = new Uint8Array(3 * quarter);
  for (let i = 0; i < quarter; i++) {
    const last = integers[3 * quarter + i] - lowest;
    for (let j = 0; j < 3; j++) {
      nibbles[j * quarter + i] = (integers[j * quarter + i] - lowest) | (((last >> j) & 1) << 3);
    }
  }
  return nibbles;
}

/** The integers as UINT4 [parts - 1 (3 bits) or 1, S / parts], computed whenever it is read. S must be a multiple of the parts. */
export function packedPlanes(source: Tensor, layout: PackedLayout, parameters: PackedParameters): Tensor {
  const { bits } = parameters;
  const shape = bits === 3 ? [3, source.size / 4] : [1, source.size / 2];
  return new ComputedTensor('uint4', shape, packedPlanesKernel, [source], { layout, parameters });
}

/** Adds the nodes that take `planes` apart; gives the integers q as int8 [parts, S / parts]. */
export function decodePlanes(nodes: NodeInserter, planes: Value, name: string, bits: 2 | 3): Value {
  const constant = (suffix: string, tensor: Tensor): Value => nodes.graph.addInitializer(`${name}_${suffix}`, tensor);
  const byte = (value: number): Tensor => scalarTensor('uint8', value);
  const right = { attributes: { direction: stringAttribute('RIGHT') } };
  const u = nodes.cast(planes, 'uint4', 'uint8', 'u');
  const low = nodes.add('BitwiseAnd', [u, constant('mask', byte(2 ** bits - 1))], 'low');
  const high = nodes.add('BitShift', [u, constant('bits', byte(bits))], 'high', right);
  let last = high;
  if (bits === 3) {
    const parts = constant('parts', int64Tensor([3], [1, 1, 1]));
    const split = nodes.addNode('Split', [high, parts], ['b0', 'b1', 'b2']).outputs as readonly Value[];
    const second = nodes.add('Mul', [split[1], constant('two', byte(2))], 'b1x');
    const third = nodes.add('Mul', [split[2], constant('four', byte(4))], 'b2x');
    last = nodes.add('Add', [nodes.add('Add', [split[0], second], 'b01'), third], 'b012');
  }
  const all = nodes.add('Concat', [low, last], 'all', { attributes: { axis: intAttribute(0) } });
  const lowest = constant('lowest', scalarTensor('int8', 2 ** (bits - 1)));
  return nodes.add('Sub', [nodes.cast(all, 'uint8', 'int8', 'unsigned'), lowest], 'q');
}
