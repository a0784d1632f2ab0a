// Every way ONNX stores the elements of a tensor gives the same raw_data.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { dataTypeCode, FileTensor, StringTensor, type Tensor } from '../../src/tensor/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { encodeProto } from './proto.js';

const folder = temporaryFolder();

function modelWith(tensor: object): Uint8Array {
  return encodeProto('ModelProto', {
    ir_version: 10,
    opset_import: [{ version: 21 }],
    graph: { name: 'g', initializer: [{ name: 'w', ...tensor }] },
  });
}

async function load(tensor: object): Promise<Tensor> {
  const model = await loadModel(modelWith(tensor));
  return [...model.graph.initializers][0].constant!;
}

const hex = (tensor: Tensor): string => Buffer.from(tensor.bytes()).toString('hex');

// Type, shape, typed field, and raw_data as the ONNX standard lays it out (little-endian, sub-byte elements low bits first).
const cases: readonly [type: string, shape: number[], field: string, values: unknown[], raw: string][] = [
  ['float32', [2], 'float_data', [1, -2], '0000803f000000c0'],
  ['complex64', [1], 'float_data', [1, -2], '0000803f000000c0'],
  ['float64', [1], 'double_data', [1], '000000000000f03f'],
  ['complex128', [1], 'double_data', [1, 2], '000000000000f03f0000000000000040'],
  ['int64', [3], 'int64_data', [1, '-1', '-9223372036854775808'], '0100000000000000ffffffffffffffff0000000000000080'],
  ['uint64', [2], 'uint64_data', [1, '18446744073709551615'], '0100000000000000ffffffffffffffff'],
  ['uint32', [2], 'uint64_data', [1, '4294967295'], '01000000ffffffff'],
  ['int32', [2], 'int32_data', [1, -1], '01000000ffffffff'],
  ['int16', [2], 'int32_data', [1, -1], '0100ffff'],
  ['uint16', [2], 'int32_data', [1, 65535], '0100ffff'],
  ['int8', [3], 'int32_data', [1, -1, -128], '01ff80'],
  ['uint8', [2], 'int32_data', [1, 255], '01ff'],
  ['bool', [2], 'int32_data', [1, 0], '0100'],
  ['float16', [2], 'int32_data', [0x3c00, 0xc000], '003c00c0'],
  ['bfloat16', [2], 'int32_data', [0x3f80, 0xc000], '803f00c0'],
  ['float8e4m3fn', [2], 'int32_data', [0x38, 0xb8], '38b8'],
  ['float8e8m0', [2], 'int32_data', [127, 0], '7f00'],
  ['uint4', [3], 'int32_data', [0x21, 0x03], '2103'],
  ['int4', [3], 'int32_data', [0xf1, 0x0f], 'f10f'],
  ['float4e2m1', [5], 'int32_data', [2, 18, 2], '021202'],
  ['int2', [5], 'int32_data', [17, 1], '1101'],
  ['uint4', [2], 'int32_data', [0x21], '21'],
  ['float4e2m1', [4], 'int32_data', [2, 18], '0212'],
  ['float6e2m3', [4], 'int32_data', [8, 0, 8, 4], '088010'],
  ['uint2', [4], 'int32_data', [0xe4], 'e4'],
  // 1, 0, 1, 0.5, 1: what the onnx package packs.
  ['float6e2m3', [5], 'int32_data', [8, 0, 8, 4, 8], '08801008'],
  ['float6e3m2', [5], 'int32_data', [12, 0, 12, 8, 12], '0cc0200c'],
];

describe.each(cases)('%s%j in %s', (type, shape, field, values, raw) => {
  const data_type = dataTypeCode(type as never);

  test('reads as raw_data', async () => {
    expect(hex(await load({ dims: shape, data_type, [field]: values }))).toBe(raw);
    expect(hex(await load({ dims: shape, data_type, raw_data: Buffer.from(raw, 'hex') }))).toBe(raw);
  });

  test.runIf(fillsBytes(type, shape[0]))('the same when it is large and stays in the file', async () => {
    const times = 2048;
    const path = join(folder, `${type}.onnx`);
    const repeated = Array.from({ length: times }, () => values).flat();
    writeFileSync(path, modelWith({ dims: [times, ...shape], data_type, [field]: repeated }));
    const [value] = (await loadModel(path)).graph.initializers;
    expect(value.constant).toBeInstanceOf(FileTensor);
    expect(hex(value.constant!) === raw.repeat(times)).toBe(true);
  });
});

/** Whether copies of the elements, one behind the other, are copies of their bytes. */
function fillsBytes(type: string, size: number): boolean {
  const bits = /^(?:u?int|float)([246])(?:e|$)/.exec(type);
  return !bits || (size * Number(bits[1])) % 8 === 0;
}

test('elements of the wrong number or in a field of another type are invalid', async () => {
  const invalid = expect.objectContaining({ code: 'MODEL_INVALID' });
  await expect(load({ dims: [3], data_type: 1, float_data: [1, 2] })).rejects.toEqual(invalid);
  await expect(load({ dims: [3], data_type: 1, raw_data: Buffer.alloc(11) })).rejects.toEqual(invalid);
  await expect(load({ dims: [2], data_type: 1, int64_data: [1, 2] })).rejects.toEqual(invalid);
  await expect(load({ dims: [2], data_type: 7, int32_data: [1, 2] })).rejects.toEqual(invalid);
  await expect(load({ dims: [-2], data_type: 1 })).rejects.toEqual(invalid);
  await expect(load({ dims: ['4611686018427387904', 4], data_type: 2 })).rejects.toEqual(invalid);
  await expect(load({ dims: [2], data_type: 8, raw_data: Buffer.alloc(2) })).rejects.toEqual(invalid);
  await expect(load({ dims: [1], data_type: 99 })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});

test('scalars and empty tensors', async () => {
  expect(hex(await load({ data_type: 1, float_data: [1] }))).toBe('0000803f');
  expect((await load({ dims: [0, 5], data_type: 1 })).bytes()).toHaveLength(0);
});

test('strings keep their bytes', async () => {
  const values = [Buffer.from('ü'), Buffer.from([0xff, 0]), Buffer.alloc(0)];
  const bytes = modelWith({ dims: [3], data_type: 8, string_data: values });
  const model = await loadModel(encodeToBytes(await loadModel(bytes)));
  const tensor = [...model.graph.initializers][0].constant as StringTensor;
  expect(tensor).toBeInstanceOf(StringTensor);
  expect(tensor.values.map((value) => Buffer.from(value))).toEqual(values);
});

test('a payload in several pieces is put together', async () => {
  const { field, join: joined, nested, varint } = await import('./wire-bytes.js');
  const packed = (value: number): Uint8Array => field(7, varint(value), 'delimited');
  const tensor = nested(
    5,
    field(1, varint(300)),
    field(2, varint(7)),
    ...Array.from({ length: 300 }, (_, i) => packed(i)),
  );
  const bytes = joined(field(1, varint(8)), nested(7, tensor));
  const [value] = (await loadModel(bytes)).graph.initializers;
  expect(value.constant!.readNumbers()).toEqual(Array.from({ length: 300 }, (_, index) => index));
});
