// Tensors stored in typed protobuf fields (int32_data, int64_data, uint64_data): varints that become raw_data.
import { invalidModel } from '../errors.js';
import { bitsPerElement, byteLengthOf, type DataType } from './data-type.js';

/**
 * Decodes `size` elements of `dataType` from packed varints. In int32_data a number is one element, or one byte of packed
 * two- and four-bit ones; elements of six bits come one by one and leave packed.
 */
export function decodeVarints(stored: Uint8Array, dataType: DataType, size: number): Uint8Array {
  if (bitsPerElement(dataType) === 6) return packSixBits(decodeVarints(stored, 'uint8', size));
  const result = new Uint8Array(byteLengthOf(dataType, size));
  const width = Math.max(1, bitsPerElement(dataType) >> 3);
  const view = new DataView(result.buffer);
  let position = 0;
  let written = 0;
  while (position < stored.length) {
    let low = 0;
    let high = 0;
    let shift = 0;
    let byte: number;
    do {
      if (position >= stored.length || shift > 63) throw invalidModel('A typed tensor field holds a damaged number');
      byte = stored[position++];
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        low |= (byte & 0x7f) << 28;
        high |= (byte & 0x7f) >> 4;
      } else high |= (byte & 0x7f) << (shift - 32);
      shift += 7;
    } while (byte & 0x80);
    if (written + width > result.length) throw invalidModel(`A typed tensor field holds more than ${size} elements`);
    if (width === 1) result[written] = low;
    else if (width === 2) view.setUint16(written, low & 0xffff, true);
    else {
      view.setUint32(written, low >>> 0, true);
      if (width === 8) view.setUint32(written + 4, high >>> 0, true);
    }
    written += width;
  }
  if (written !== result.length)
    throw invalidModel(`A typed tensor field holds ${written / width} elements where ${size} are declared`);
  return result;
}

/** Four elements in three bytes, the first one lowest, as raw_data holds them. */
export function packSixBits(elements: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil((elements.length * 6) / 8));
  elements.forEach((element, index) => {
    const bit = index * 6;
    const bits = (element & 63) << (bit & 7);
    packed[bit >> 3] |= bits;
    if (bits > 0xff) packed[(bit >> 3) + 1] |= bits >> 8;
  });
  return packed;
}
