// Reads the structure of a model file and leaves the weights where they are: each large tensor payload is replaced by a
// reference of ONNX's own kind for data kept elsewhere (external_data), which names a range of the model file itself.
import { randomUUID } from 'node:crypto';
import { unsupportedModel } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { deepestMessage, tooDeep } from './decode-message.js';
import { encodeMessage } from './encode-message.js';
import { fieldNumber, type MessageType, messageType } from './message-type.js';
import { externalLocation, type TensorProto } from './messages.js';
import { weightCarriers } from './weight-carriers.js';
import { FieldCursor, lengthDelimitedHeader, wireType } from './wire.js';

/** Payloads below this many bytes stay in the structure. */
const inlineLimit = 256;
const mostStructure = 1 << 29;

export interface Skeleton {
  /** The model without its large payloads: an ordinary encoded ModelProto. */
  readonly bytes: Uint8Array;
  /** Key of the references into the model file (field number, offset, length); random, so that no file can contain it. */
  readonly ownKey: string;
}

const tensorType = messageType('TensorProto');
/** Fields of TensorProto whose packed or raw payload can stay in the file. */
const payloadFields: ReadonlySet<number> = new Set(
  ['raw_data', 'float_data', 'double_data', 'int32_data', 'int64_data', 'uint64_data'].map((name) =>
    fieldNumber(tensorType, name),
  ),
);

export function readSkeleton(source: ByteSource): Skeleton {
  const scan = new SkeletonScan(source);
  scan.message(messageType('ModelProto'), 0, source.size, 0);
  return { bytes: scan.result(), ownKey: scan.ownKey };
}

class SkeletonScan {
  readonly ownKey = `own-${randomUUID()}`;
  private readonly source: ByteSource;
  private readonly pieces: Uint8Array[] = [];
  private length = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  result(): Uint8Array {
    return Buffer.concat(this.pieces);
  }

  /** Appends the message at [start, end) with its payloads replaced. */
  message(type: MessageType, start: number, end: number, depth: number): void {
    if (depth > deepestMessage) throw tooDeep();
    const carriers = weightCarriers.get(type)!;
    let copied = start;
    for (const field = new FieldCursor(this.source, start, end); field.next(); ) {
      if (field.end - field.valueStart <= inlineLimit || field.wireType !== wireType.lengthDelimited) continue;
      const nested = carriers.find(({ number }) => number === field.number)?.type;
      if (!nested) continue;
      this.copy(copied, field.start);
      const { number, valueStart, end: fieldEnd } = field;
      this.nest(number, () => {
        if (nested === tensorType) this.tensor(valueStart, fieldEnd);
        else this.message(nested, valueStart, fieldEnd, depth + 1);
      });
      copied = fieldEnd;
    }
    this.copy(copied, end);
  }

  /** Appends a TensorProto; its payload is replaced where it is one field, as every exporter writes it. */
  private tensor(start: number, end: number): void {
    let payload: { number: number; start: number; valueStart: number; end: number } | null = null;
    let count = 0;
    for (const field = new FieldCursor(this.source, start, end); field.next(); ) {
      if (!payloadFields.has(field.number)) continue;
      count++;
      if (field.wireType === wireType.lengthDelimited && field.end - field.valueStart > inlineLimit)
        payload = { number: field.number, start: field.start, valueStart: field.valueStart, end: field.end };
    }
    if (!payload || count !== 1) {
      this.copy(start, end);
      return;
    }
    this.copy(start, payload.start);
    this.copy(payload.end, end);
    const reference: TensorProto = {
      data_location: externalLocation,
      external_data: [
        {
          key: this.ownKey,
          value: `${payload.number} ${payload.valueStart} ${payload.end - payload.valueStart}`,
        },
      ],
    };
    this.append(encodeMessage(tensorType, reference));
  }

  /** Appends what `fill` appends as a length-delimited field. */
  private nest(number: number, fill: () => void): void {
    const index = this.pieces.length;
    this.pieces.push(new Uint8Array(0));
    const before = this.length;
    fill();
    const header = lengthDelimitedHeader(number, this.length - before);
    this.pieces[index] = header;
    this.length += header.length;
  }

  private copy(start: number, end: number): void {
    if (end > start) this.append(this.source.read(start, this.withinLimit(end - start)));
  }

  private append(bytes: Uint8Array): void {
    this.withinLimit(bytes.length);
    this.pieces.push(bytes);
    this.length += bytes.length;
  }

  private withinLimit(more: number): number {
    if (this.length + more > mostStructure) {
      throw unsupportedModel(
        `The structure of the model (all but its weights) is larger than ${mostStructure >> 20} MB`,
      );
    }
    return more;
  }
}
