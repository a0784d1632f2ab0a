// Random access to encoded bytes, a file or a buffer, in pieces, so that what is skipped is never read.
import type { FileReader } from '../tensor/index.js';

export interface ByteSource {
  readonly size: number;
  /** A piece that holds the byte at `offset`, and as many behind it as are worth reading. */
  pieceAt(offset: number): { readonly start: number; readonly bytes: Uint8Array };
  read(offset: number, length: number): Uint8Array;
}

/** Bytes read where the structure goes on, and where it starts anew behind weights. */
const longPiece = 64 << 10;
const shortPiece = 4 << 10;

export function fileByteSource({ size, read }: FileReader): ByteSource {
  let start = 0;
  let bytes: Uint8Array = new Uint8Array(0);
  return {
    size,
    pieceAt(offset) {
      const end = start + bytes.length;
      if (offset < start || offset >= end) {
        const goesOn = offset >= start && offset < end + shortPiece;
        start = offset;
        bytes = read(offset, Math.min(goesOn ? longPiece : shortPiece, size - offset));
      }
      return { start, bytes };
    },
    read(offset, length) {
      const from = offset - start;
      return from >= 0 && from + length <= bytes.length ? bytes.subarray(from, from + length) : read(offset, length);
    },
  };
}

export function bufferByteSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    pieceAt: () => ({ start: 0, bytes }),
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}
