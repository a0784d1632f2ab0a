// Arrays of NumPy: the header of the .npy format (numpy.lib.format, versions 1 to 3) and rows of the array, read by position.
import { usageError } from '../../errors.js';
import {
  type DataType,
  type FileSource,
  FileTensor,
  MemoryTensor,
  type Tensor,
  typedArrayOf,
} from '../../tensor/index.js';

export interface NpyArray {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
  /** Element `index` of the first axis. */
  row(index: number): Tensor;
}

const types: Readonly<Record<string, DataType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

/** The array at `offset` of a file. Throws USAGE for arrays that are not plain numbers in C order. */
export function openNpy(name: string, source: FileSource, offset = 0): NpyArray {
  const where = `The array ${name} of ${source.path}`;
  const fixed = source.read(offset, Math.min(12, source.size - offset));
  if (fixed.length < 12 || Buffer.from(fixed.buffer, fixed.byteOffset, 6).toString('latin1') !== '\x93NUMPY') {
    throw usageError(`${where} is not in the .npy format`);
  }
  const view = new DataView(fixed.buffer, fixed.byteOffset, 12);
  const [headerStart, headerLength] = fixed[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const header = Buffer.from(source.read(offset + headerStart, headerLength)).toString('utf8');
  const descr = /'descr':\s*'([<>|=]?)(\w+)'/.exec(header);
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header);
  const dataType = descr && types[descr[2]];
  if (!descr || !dataType || !shapeText) {
    throw usageError(`${where} is of a type that is no plain number`, 'Save floats, integers or booleans.');
  }
  const shape = shapeText[1]
    .split(',')
    .filter((dim) => dim.trim() !== '')
    .map(Number);
  if (/'fortran_order':\s*True/.test(header) && shape.filter((dim) => dim > 1).length > 1) {
    throw usageError(`${where} is in Fortran order`, 'Save it after numpy.ascontiguousarray.');
  }
  const rowShape = shape.slice(1);
  const rowLength = rowShape.reduce((product, dim) => product * dim, 1) * (Number(descr[2].slice(1)) || 1);
  const dataStart = offset + headerStart + headerLength;
  return {
    name,
    dataType,
    shape,
    row(index) {
      const at = dataStart + index * rowLength;
      const tensor = new FileTensor(dataType, rowShape, source, { offset: at, length: rowLength });
      const bytes = tensor.bytes();
      if (descr[1] === '>') swap(bytes, Number(descr[2].slice(1)));
      return new MemoryTensor(dataType, rowShape, typedArrayOf(dataType, bytes));
    },
  };
}

function swap(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}
