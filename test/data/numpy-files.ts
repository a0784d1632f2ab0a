// Writes .npy and .npz files as NumPy does (numpy.lib.format, version 1.0).
import { type Zippable, zipSync } from 'fflate';
import type { DataType, TypedArray } from '../../src/tensor/index.js';

const codes: Partial<Record<DataType, string>> = {
  float32: '<f4',
  float64: '<f8',
  int64: '<i8',
  int32: '<i4',
  uint8: '|u1',
};

export interface NumpyArray {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export function npy(
  { dataType, shape, data }: NumpyArray,
  { descr = codes[dataType], order = 'False' } = {},
): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${dims}), }`;
  const padded = `${header}${' '.repeat(63 - ((10 + header.length) % 64))}\n`;
  const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${padded}`, 'latin1');
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

export function npz(arrays: Readonly<Record<string, NumpyArray>>, { compressed = false } = {}): Uint8Array {
  const entries: Zippable = {};
  for (const [name, array] of Object.entries(arrays))
    entries[`${name}.npy`] = [npy(array), { level: compressed ? 6 : 0 }];
  return zipSync(entries);
}
