// Reads the structure of a model file and leaves the weights where they are: each large tensor payload is replaced by a
// reference of ONNX's own kind for data kept elsewhere (external_data), which names a range of the model file itself.
import { randomUUID } from 'node:crypto';
import type protobuf from 'protobufjs';
import { unsupportedModel } from '../errors.js';
import { externalLocation, messageType, type TensorProto, weightCarriers } from './schema.js';
import { type ByteSource, lengthDelimitedHeader, type WireField, wireFields, wireType } from './wire.js';

/** Payloads below this many bytes stay in the structure. */
const inlineLimit = 256;
const mostStructure = 1 << 29;
const deepest = 100;

export interface Skeleton {
  /** The model without its large payloads: an ordinary encoded ModelProto. */
  readonly bytes: Uint8Array;
  /** Location of the references into the model file; random, so that no file can contain it. */
  readonly ownLocation: string;
}

/** Fields of TensorProto whose packed or raw payload can stay in the file. */
const payloadFields: ReadonlySet<number> = new Set(
  ['raw_data', 'float_data', 'double_data', 'int32_data', 'int64_data', 'uint64_data'].map(
    (name) => messageType('TensorProto').fields[name].id,
  ),
);

export function readSkeleton(source: ByteSource): Skeleton {
  const scan = new SkeletonScan(source);
  scan.message(messageType('ModelProto'), 0, source.size, 0);
  return { bytes: scan.result(), ownLocation: scan.ownLocation };
}

class SkeletonScan {
  readonly ownLocation = `own-${randomUUID()}`;
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
  message(type: protobuf.Type, start: number, end: number, depth: number): void {
    if (depth > deepest) throw unsupportedModel(`The model nests graphs deeper than ${deepest / 3} levels`);
    let copied = start;
    for (const field of wireFields(this.source, start, end)) {
      const nested =
        field.wireType === wireType.lengthDelimited ? weightCarriers.get(type)?.get(field.number) : undefined;
      if (!nested || field.end - field.valueStart <= inlineLimit) continue;
      this.copy(copied, field.start);
      this.nest(field, () => {
        if (nested.name === 'TensorProto') this.tensor(field.valueStart, field.end);
        else this.message(nested, field.valueStart, field.end, depth + 1);
      });
      copied = field.end;
    }
    this.copy(copied, end);
  }

  /** Appends a TensorProto; its payload is replaced where it is one field, as every exporter writes it. */
  private tensor(start: number, end: number): void {
    const payloads = [...wireFields(this.source, start, end)].filter((field) => payloadFields.has(field.number));
    const [payload] = payloads;
    if (
      payloads.length !== 1 ||
      payload.wireType !== wireType.lengthDelimited ||
      payload.end - payload.valueStart <= inlineLimit
    ) {
      this.copy(start, end);
      return;
    }
    this.copy(start, payload.start);
    this.copy(payload.end, end);
    const reference: TensorProto = {
      data_location: externalLocation,
      external_data: Object.entries({
        location: this.ownLocation,
        offset: payload.valueStart,
        length: payload.end - payload.valueStart,
        field: payload.number,
      }).map(([key, value]) => ({ key, value: String(value) })),
    };
    this.append(messageType('TensorProto').encode(reference).finish());
  }

  /** Appends what `fill` appends as a length-delimited field. */
  private nest(field: WireField, fill: () => void): void {
    const index = this.pieces.length;
    this.pieces.push(new Uint8Array(0));
    const before = this.length;
    fill();
    const header = lengthDelimitedHeader(field.number, this.length - before);
    this.pieces[index] = header;
    this.length += header.length;
  }

  private copy(start: number, end: number): void {
    if (end > start) this.append(this.source.read(start, this.withinLimit(end - start)).slice());
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
