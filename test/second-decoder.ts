// An independent reading of ONNX files: the onnx-proto package (ONNX 1.10), brought into a form in which two files that mean
// the same are equal. What ONNX 1.10 did not have is not seen by it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onnx } from 'onnx-proto';

type Message = Record<string, unknown>;

/** The model in a file, plain: payloads as raw data (base64), value infos by name, nodes by what they compute. */
export function decodeIndependently(path: string): Message {
  const message = onnx.ModelProto.decode(readFileSync(path));
  const plain = onnx.ModelProto.toObject(message, { longs: String, bytes: String, enums: Number, defaults: false });
  return normalize(plain, dirname(path)) as Message;
}

function normalize(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((item) => normalize(item, folder));
  if (value === null || typeof value !== 'object') return value;
  const message: Message = {};
  for (const [key, part] of Object.entries(value)) {
    // An empty text or list says what an absent one says.
    if (part === '' || (Array.isArray(part) && part.length === 0)) continue;
    message[key] = normalize(part, folder);
  }
  if (message.domain === 'ai.onnx') delete message.domain;
  if ('dataType' in message && !('segment' in message)) normalizeTensor(message, folder);
  if (Array.isArray(message.valueInfo)) message.valueInfo.sort(byText);
  if (Array.isArray(message.node)) message.node.sort(byText);
  if (isAttribute(message)) message.type ??= impliedType(message);
  return message;
}

function byText(a: unknown, b: unknown): number {
  const [first, second] = [JSON.stringify(a), JSON.stringify(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

const attributeFields = ['f', 'i', 's', 't', 'g', 'floats', 'ints', 'strings', 'tensors', 'graphs'];

function isAttribute(message: Message): boolean {
  return !('refAttrName' in message) && attributeFields.some((name) => name in message);
}

function impliedType(message: Message): number {
  return attributeFields.findIndex((name) => name in message) + 1;
}

/** Arrays for the elements of typed fields; types that int32Data holds in fewer bits are cut to them. */
const int32Arrays: Readonly<Record<number, typeof Uint8Array | typeof Uint16Array | typeof Int32Array>> = {
  4: Uint16Array,
  5: Uint16Array,
  6: Int32Array,
  10: Uint16Array,
  16: Uint16Array,
};

function normalizeTensor(tensor: Message, folder: string): void {
  const type = tensor.dataType as number;
  const raw = type === 8 ? null : (externalBytes(tensor, folder) ?? typedBytes(tensor, type));
  if (raw) tensor.rawData = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64');
  if (tensor.rawData === '') delete tensor.rawData;
  for (const name of [
    'floatData',
    'doubleData',
    'int32Data',
    'int64Data',
    'uint64Data',
    'externalData',
    'dataLocation',
  ])
    delete tensor[name];
}

function typedBytes(tensor: Message, type: number): ArrayBufferView | null {
  const { floatData, doubleData, int32Data, int64Data, uint64Data } = tensor as Record<string, number[] & string[]>;
  if (floatData) return Float32Array.from(floatData, Number);
  if (doubleData) return Float64Array.from(doubleData, Number);
  if (int32Data) return (int32Arrays[type] ?? Uint8Array).from(int32Data.map(Number));
  if (int64Data) return BigInt64Array.from(int64Data as string[], BigInt);
  if (!uint64Data) return null;
  return type === 12 ? Uint32Array.from(uint64Data, Number) : BigUint64Array.from(uint64Data as string[], BigInt);
}

function externalBytes(tensor: Message, folder: string): Uint8Array | null {
  if (tensor.dataLocation !== 1) return null;
  const entries = new Map(
    (tensor.externalData as { key: string; value: string }[]).map(({ key, value }) => [key, value]),
  );
  const file = readFileSync(join(folder, entries.get('location')!));
  const offset = Number(entries.get('offset') ?? 0);
  return file.subarray(offset, entries.has('length') ? offset + Number(entries.get('length')) : undefined);
}
