// The protobuf wire format, as far as walking a file without reading its weights needs it.
import { invalidModel } from '../errors.js';
import type { ByteSource } from './byte-source.js';

export const wireType = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Steps through the fields of the message at [start, end) of a source. */
export class FieldCursor {
  /** Number and wire type of the current field. */
  number = 0;
  wireType = 0;
  /** First byte of the current field, of its value (behind the length, where it has one), and the first behind it. */
  start = 0;
  valueStart = 0;
  end: number;
  private readonly source: ByteSource;
  private readonly messageEnd: number;
  private piece: { start: number; bytes: Uint8Array } = { start: 0, bytes: new Uint8Array(0) };
  private position: number;

  constructor(source: ByteSource, start: number, end: number) {
    this.source = source;
    this.messageEnd = end;
    this.end = start;
    this.position = start;
  }

  /** Goes to the next field; false at the end. Throws MODEL_INVALID where the bytes are no message. */
  next(): boolean {
    this.start = this.end;
    if (this.start >= this.messageEnd) return false;
    this.position = this.start;
    const tag = this.readVarint();
    this.number = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.number === 0 || tag > 0xffffffff) throw this.damaged();
    this.valueStart = this.position;
    const { wireType: type } = this;
    if (type === wireType.varint) this.readVarint();
    else if (type === wireType.fixed64) this.position += 8;
    else if (type === wireType.fixed32) this.position += 4;
    else if (type === wireType.lengthDelimited) {
      const length = this.readVarint();
      this.valueStart = this.position;
      this.position += length;
    } else throw this.damaged(); // Groups are no part of ONNX.
    this.end = this.position;
    if (this.end > this.messageEnd) {
      const late = this.end - this.messageEnd;
      throw invalidModel(`The file is cut off or damaged: a field at byte ${this.start} ends ${late} bytes too late`);
    }
    return true;
  }

  private readVarint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10 && this.position < this.messageEnd; count++) {
      let at = this.position - this.piece.start;
      if (!(at >= 0 && at < this.piece.bytes.length)) {
        this.piece = this.source.pieceAt(this.position);
        at = this.position - this.piece.start;
      }
      const byte = this.piece.bytes[at];
      this.position++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.damaged();
  }

  private damaged(): Error {
    return invalidModel(`No protobuf message at byte ${this.start}`);
  }
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
