// The protobuf wire format, as far as walking a file without reading its weights needs it.
import { invalidModel } from '../errors.js';
import type { FileSource } from '../tensor/index.js';

export const wireType = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Random access to encoded bytes: a file or a buffer. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

const pageLength = 64 << 10;
const mostPages = 64;

/** Reads a file page by page, so that what is skipped is never read. */
export function pagedSource(source: FileSource): ByteSource {
  const pages = new Map<number, Uint8Array>();
  const pageAt = (index: number): Uint8Array => {
    let page = pages.get(index);
    if (!page) {
      if (pages.size >= mostPages) pages.delete(pages.keys().next().value!);
      page = source.read(index * pageLength, Math.min(pageLength, source.size - index * pageLength));
      pages.set(index, page);
    }
    return page;
  };
  return {
    size: source.size,
    read(offset, length) {
      const index = Math.floor(offset / pageLength);
      const start = offset - index * pageLength;
      if (start + length > pageLength) return source.read(offset, length);
      return pageAt(index).subarray(start, start + length);
    },
  };
}

export function bufferSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** One field of a message: where its tag, its value and its end are. */
export interface WireField {
  readonly number: number;
  readonly wireType: number;
  readonly start: number;
  /** First byte of the value; of a length-delimited field, first byte behind the length. */
  readonly valueStart: number;
  readonly end: number;
}

/** The fields of the message at [start, end), in order. Throws MODEL_INVALID where the bytes are no message. */
export function* wireFields(source: ByteSource, start: number, end: number): IterableIterator<WireField> {
  let position = start;
  while (position < end) {
    const tag = readVarint(source, position, end);
    const number = Math.floor(tag.value / 8);
    const type = tag.value % 8;
    if (number === 0 || tag.value > 0xffffffff) throw damaged(position);
    let valueStart = tag.end;
    let fieldEnd: number;
    switch (type) {
      case wireType.varint:
        fieldEnd = readVarint(source, tag.end, end).end;
        break;
      case wireType.fixed64:
        fieldEnd = tag.end + 8;
        break;
      case wireType.fixed32:
        fieldEnd = tag.end + 4;
        break;
      case wireType.lengthDelimited: {
        const length = readVarint(source, tag.end, end);
        valueStart = length.end;
        fieldEnd = length.end + length.value;
        break;
      }
      default:
        throw damaged(position);
    }
    if (fieldEnd > end)
      throw invalidModel(
        `The file is cut off or damaged: a field at byte ${position} ends ${fieldEnd - end} bytes too late`,
      );
    yield { number, wireType: type, start: position, valueStart, end: fieldEnd };
    position = fieldEnd;
  }
}

function readVarint(source: ByteSource, position: number, end: number): { value: number; end: number } {
  const bytes = source.read(position, Math.min(10, end - position));
  let value = 0;
  let scale = 1;
  for (let index = 0; index < bytes.length; index++) {
    value += (bytes[index] & 0x7f) * scale;
    if (bytes[index] < 0x80) return { value, end: position + index + 1 };
    scale *= 128;
  }
  throw damaged(position);
}

function damaged(position: number): Error {
  return invalidModel(`No protobuf message at byte ${position}`);
}

/** Tag of a length-delimited field followed by its length. */
export function lengthDelimitedHeader(fieldNumber: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(fieldNumber * 8 + wireType.lengthDelimited), ...varint(length)]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}
