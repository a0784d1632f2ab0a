// TensorProto → Tensor: small ones in memory, large ones as ranges of the model file or of external data.
import { invalidModel, unsupportedModel } from '../errors.js';
import {
  bitsPerElement,
  byteLengthOf,
  type DataType,
  dataTypeOf,
  decodeVarints,
  type FileSource,
  FileTensor,
  MemoryTensor,
  packSixBits,
  StringTensor,
  sizeOf,
  type Tensor,
  type TypedArray,
} from '../tensor/index.js';
import type { ExternalData } from './external-data.js';
import { messageType } from './message-type.js';
import { externalLocation, type TensorProto, toNumber } from './messages.js';

/** Where the payloads of a model being loaded are. */
export interface PayloadLocations {
  /** Key of the references into the model file itself. */
  readonly ownKey: string;
  readonly ownFile: FileSource | Uint8Array;
  readonly externalData: ExternalData;
}

const tensorType = messageType('TensorProto');
const mostElements = 2 ** 40;

/** Throws MODEL_INVALID where shape, type and payload do not fit each other. */
export function decodeTensor(message: TensorProto, locations: PayloadLocations): Tensor {
  const name = message.name ? `"${message.name}"` : 'without a name';
  const dataType = dataTypeOf(message.data_type ?? 0);
  if (!dataType) throw unsupportedModel(`Tensor ${name} is of the unknown type ${message.data_type ?? 0}`);
  const shape = (message.dims ?? []).map(toNumber);
  for (const dim of shape) {
    if (!(dim >= 0 && Number.isSafeInteger(dim))) throw invalidModel(`Tensor ${name} has the shape [${shape}]`);
  }
  if (!(sizeOf(shape) <= mostElements))
    throw invalidModel(`Tensor ${name} of shape [${shape}] is too large to be true`);
  try {
    if (message.data_location === externalLocation) return decodeReference(message, dataType, shape, locations);
    if (dataType === 'string') return new StringTensor(shape, message.string_data ?? []);
    return new MemoryTensor(dataType, shape, inlineData(message, dataType, sizeOf(shape)));
  } catch (cause) {
    if (cause instanceof Error && !cause.message.includes(name)) cause.message = `Tensor ${name}: ${cause.message}`;
    throw cause;
  }
}

function decodeReference(
  message: TensorProto,
  dataType: DataType,
  shape: readonly number[],
  locations: PayloadLocations,
): Tensor {
  const entries = message.external_data ?? [];
  const own = entries.find(({ key }) => key === locations.ownKey);
  if (own) return decodeOwnReference(own.value!, dataType, shape, locations.ownFile);
  const get = (key: string): string | undefined => entries.find((entry) => entry.key === key)?.value;
  const location = get('location');
  if (location === undefined) throw invalidModel('its external data has no location');
  if (dataType === 'string') throw invalidModel('strings cannot be external data');
  const offset = count(get('offset'), 'offset') ?? 0;
  const length = count(get('length'), 'length') ?? byteLengthOf(dataType, sizeOf(shape));
  return new FileTensor(dataType, shape, locations.externalData.open(location), { offset, length });
}

/** A payload that skeleton.ts left in the model file: `reference` holds field number, offset and length. */
function decodeOwnReference(
  reference: string,
  dataType: DataType,
  shape: readonly number[],
  ownFile: FileSource | Uint8Array,
): Tensor {
  const [fieldNumber, offset, length] = reference.split(' ').map(Number);
  const field = tensorType.byNumber[fieldNumber]!.name;
  expectField(field, dataType);
  const raw = field === 'raw_data' || field === 'float_data' || field === 'double_data';
  if (!(ownFile instanceof Uint8Array)) {
    return new FileTensor(dataType, shape, ownFile, { offset, length, encoding: raw ? 'raw' : 'varint' });
  }
  const bytes = ownFile.subarray(offset, offset + length);
  const data = raw ? checkLength(bytes, dataType, shape) : decodeVarints(bytes, dataType, sizeOf(shape));
  return new MemoryTensor(dataType, shape, data);
}

function count(text: string | undefined, what: string): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text)) throw invalidModel(`the ${what} of its external data is ${JSON.stringify(text)}`);
  return Number(text);
}

/** Which type each typed field may hold (onnx.proto); int32_data takes all narrow types. */
const fieldTypes: Readonly<Record<string, ReadonlySet<DataType>>> = {
  float_data: new Set(['float32', 'complex64']),
  double_data: new Set(['float64', 'complex128']),
  int64_data: new Set(['int64']),
  uint64_data: new Set(['uint32', 'uint64']),
  string_data: new Set(['string']),
};
const wideTypes = new Set(Object.values(fieldTypes).flatMap((types) => [...types]));

function expectField(field: string, dataType: DataType): void {
  const fits =
    field === 'raw_data' ? dataType !== 'string' : (fieldTypes[field]?.has(dataType) ?? !wideTypes.has(dataType));
  if (!fits) throw invalidModel(`${dataType} elements cannot be stored in ${field}`);
}

function inlineData(message: TensorProto, dataType: DataType, size: number): TypedArray {
  if (message.raw_data && Object.hasOwn(message, 'raw_data')) {
    expectField('raw_data', dataType);
    return checkLength(message.raw_data, dataType, [size]);
  }
  const fields = (['float_data', 'int32_data', 'int64_data', 'uint64_data', 'double_data'] as const).filter(
    (field) => message[field]?.length,
  );
  if (fields.length === 0) return checkLength(new Uint8Array(0), dataType, [size]);
  const [field] = fields;
  expectField(field, dataType);
  const values = message[field]!;
  switch (field) {
    case 'float_data':
      return checkLength(Float32Array.from(values as number[]), dataType, [size]);
    case 'double_data':
      return checkLength(Float64Array.from(values as number[]), dataType, [size]);
    case 'int64_data':
      return checkLength(BigInt64Array.from(message.int64_data!, BigInt), dataType, [size]);
    case 'uint64_data':
      return checkLength(
        dataType === 'uint32'
          ? Uint32Array.from(message.uint64_data!, Number)
          : BigUint64Array.from(message.uint64_data!, BigInt),
        dataType,
        [size],
      );
    case 'int32_data': {
      const numbers = values as number[];
      return checkLength(int32Data(numbers, bitsPerElement(dataType)), dataType, [size]);
    }
  }
}

function int32Data(numbers: number[], bits: number): TypedArray {
  if (bits === 32) return Int32Array.from(numbers);
  if (bits === 16) return Uint16Array.from(numbers);
  return bits === 6 ? packSixBits(Uint8Array.from(numbers)) : Uint8Array.from(numbers);
}

function checkLength(data: TypedArray, dataType: DataType, shape: readonly number[]): TypedArray {
  const expected = byteLengthOf(dataType, sizeOf(shape));
  if (data.byteLength !== expected)
    throw invalidModel(`${data.byteLength} bytes are stored where ${dataType} [${shape}] takes ${expected}`);
  return data;
}
