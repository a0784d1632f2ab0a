// Integers of few bits as bytes, each of which stands for several: Gather takes them from a table when onnxruntime loads the model. For operators
// before opset 21, which know no INT4, and for what fills no nibbles: three levels, five of them in a byte (3^5 = 243).
import { intAttribute, type Value } from '../../ir/index.js';
import { unpackSigned } from '../../numeric/index.js';
import type { NodeInserter } from '../../rewrite/index.js';
import {
  ComputedTensor,
  chunkLength,
  int64Tensor,
  MemoryTensor,
  type Tensor,
  type TensorKernel,
} from '../../tensor/index.js';
import { type PackedLayout, type PackedParameters, packedGroups } from './pack-weight.js';
import type { PackedWidth } from './packed-multiplier.js';

/** Opset that multiplies INT8. */
export const tableOpset = 14;

/** A part of every integer: `perByte` digits to the base `base` in each byte; `meaningOf` says what a digit means, `digitOf` which one an integer has. */
interface Plane {
  readonly base: number;
  readonly perByte: number;
  digitOf(integer: number): number;
  meaningOf(digit: number): number;
}

const nibbles: Plane = { base: 16, perByte: 2, digitOf: (q) => q & 15, meaningOf: (digit) => (digit ^ 8) - 8 };

/** The integers are the sums of what their planes mean. */
const planes: Readonly<Record<PackedWidth, readonly Plane[]>> = {
  4: [nibbles],
  3: [
    { base: 4, perByte: 4, digitOf: (q) => (q + 4) & 3, meaningOf: (digit) => digit - 4 },
    { base: 2, perByte: 8, digitOf: (q) => (q + 4) >> 2, meaningOf: (digit) => 4 * digit },
  ],
  2: [{ base: 4, perByte: 4, digitOf: (q) => q + 2, meaningOf: (digit) => digit - 2 }],
  1.6: [{ base: 3, perByte: 5, digitOf: (q) => q + 1, meaningOf: (digit) => digit - 1 }],
};

interface PlaneParameters {
  readonly layout: PackedLayout;
  readonly parameters: PackedParameters;
  readonly plane: number;
}

/** Memory: the integers, one per byte. */
export const packedTableKernel: TensorKernel<PlaneParameters> = {
  module: import.meta.url,
  exportName: 'packedTableKernel',
  *chunks([source], { layout, parameters, plane }) {
    const bytes = encode(readIntegers(source, layout, parameters), planes[parameters.bits][plane]);
    for (let at = 0; at < bytes.length; at += chunkLength) yield bytes.subarray(at, at + chunkLength);
  },
};

/** The integers of a packed weight in the order of the source, one per byte. */
export function readIntegers(source: Tensor, layout: PackedLayout, parameters: PackedParameters): Int8Array {
  if (parameters.integers) return unpackSigned(parameters.integers, 4, source.size);
  const integers = new Int8Array(source.size);
  let position = 0;
  for (const { integers: group } of packedGroups(source, layout, parameters)) {
    integers.set(group, position);
    position += group.length;
  }
  return integers;
}

function encode(integers: Int8Array, { base, perByte, digitOf }: Plane): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(integers.length / perByte));
  for (let byte = 0, from = 0; byte < bytes.length; byte++, from += perByte) {
    let code = 0;
    for (let i = Math.min(perByte, integers.length - from) - 1; i >= 0; i--)
      code = code * base + digitOf(integers[from + i]);
    bytes[byte] = code;
  }
  return bytes;
}

/** int8 [256, perByte]: what each byte stands for. */
function tableOf({ base, perByte, meaningOf }: Plane): Int8Array {
  const table = new Int8Array(256 * perByte);
  for (let code = 0; code < base ** perByte; code++) {
    for (let i = 0, rest = code; i < perByte; i++, rest = Math.floor(rest / base)) {
      table[code * perByte + i] = meaningOf(rest % base);
    }
  }
  return table;
}

/** Adds the integers of a packed weight as bytes, and the nodes that decode them: int8 of `shape`. */
export function addByTables(
  nodes: NodeInserter,
  name: string,
  source: Tensor,
  layout: PackedLayout,
  parameters: PackedParameters,
  shape: readonly number[],
): Value {
  const parts = planes[parameters.bits].map((plane, index) => {
    const bytes = Math.ceil(source.size / plane.perByte);
    const stored = new ComputedTensor('uint8', [bytes], packedTableKernel, [source], {
      layout,
      parameters,
      plane: index,
    });
    return decodeBytes(nodes, `${name}_${index}`, stored, tableOf(plane), shape);
  });
  return parts.reduce((sum, part) => nodes.add('Add', [sum, part], 'sum'));
}

/** Adds bytes of two signed nibbles each, as ONNX packs INT4, and the nodes that decode them: int8 of `shape`. */
export function addNibblesByTable(nodes: NodeInserter, name: string, packed: Tensor, shape: readonly number[]): Value {
  return decodeBytes(nodes, name, packed, tableOf(nibbles), shape);
}

/** Adds bytes, each of which stands for a row of `table`, and the nodes that look them up: int8 of `shape`, what lies beyond is cut off. */
export function decodeBytes(
  nodes: NodeInserter,
  name: string,
  bytes: Tensor,
  table: Int8Array,
  shape: readonly number[],
): Value {
  const constant = (suffix: string, tensor: Tensor): Value => nodes.graph.addInitializer(`${name}_${suffix}`, tensor);
  const perByte = table.length / 256;
  const count = shape.reduce((product, length) => product * length, 1);
  const axis = { attributes: { axis: intAttribute(0) } };
  const codes = nodes.cast(constant('codes', bytes), 'uint8', 'int32', 'codes32');
  const rows = constant('table', new MemoryTensor('int8', [256, perByte], table));
  let values = nodes.add('Gather', [rows, codes], 'decoded', axis);
  if (count < bytes.size * perByte) {
    const flat = nodes.add('Reshape', [values, constant('flat', int64Tensor([1], [-1]))], 'flat');
    values = nodes.add(
      'Slice',
      [flat, constant('begin', int64Tensor([1], [0])), constant('end', int64Tensor([1], [count]))],
      'cut',
    );
  }
  return nodes.add('Reshape', [values, constant('dims', int64Tensor([shape.length], shape))], 'shaped');
}
