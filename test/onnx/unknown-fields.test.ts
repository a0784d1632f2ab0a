// Fields that the schema does not know survive at every place of a model, with everything else that the IR does not model.
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { cloneModel, verifyModel } from '../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { protoType } from './proto.js';
import { field } from './wire-bytes.js';

type Message = Record<string, unknown>;

const float = {
  tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 2, denotation: 'DATA_BATCH' }, { dim_param: 'n' }] } },
  denotation: 'TENSOR',
};
const vector = {
  tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 2, denotation: 'DATA_BATCH' }] } },
  denotation: 'TENSOR',
};
const entry = { key: 'k', value: 'v' };
const tensor = (name: string): Message => ({
  dims: [2],
  data_type: 1,
  name,
  doc_string: 'd',
  float_data: [1, 2],
  metadata_props: [entry],
});
const sparse = (name: string): Message => ({
  values: { dims: [1], data_type: 1, name, float_data: [1] },
  indices: { dims: [1], data_type: 7, name: `${name}_indices`, int64_data: [1] },
  dims: [2],
});
const info = (name: string, type: object = float): Message => ({
  name,
  type,
  doc_string: 'd',
  metadata_props: [entry],
});

/** A graph of Relus between `input` and `output`, with everything a graph can hold. */
function graph(prefix: string, more: Message = {}): Message {
  return {
    name: prefix,
    doc_string: 'd',
    node: [{ op_type: 'Relu', name: `${prefix}_relu`, input: [`${prefix}_x`], output: [`${prefix}_y`] }],
    initializer: [tensor(`${prefix}_w`)],
    sparse_initializer: [sparse(`${prefix}_sparse`)],
    input: [info(`${prefix}_x`)],
    output: [info(`${prefix}_y`)],
    value_info: [info(`${prefix}_w`, vector), info(`${prefix}_nowhere`)],
    quantization_annotation: [{ tensor_name: `${prefix}_w`, quant_parameter_tensor_names: [entry] }],
    metadata_props: [entry],
    ...more,
  };
}

const attributes = (reference: boolean): Message[] => [
  { name: 'f', type: 1, f: 0.5, doc_string: 'd' },
  { name: 'i', type: 2, i: '9007199254740993' },
  { name: 's', type: 3, s: Buffer.from('s') },
  { name: 't', type: 4, t: tensor('t') },
  { name: 'floats', type: 6, floats: [1, 2] },
  { name: 'ints', type: 7, ints: [1, '-9223372036854775808'] },
  { name: 'strings', type: 8, strings: [Buffer.from([0xff, 0])] },
  { name: 'tensors', type: 9, tensors: [tensor('a'), tensor('b')] },
  { name: 'sparse_tensor', type: 11, sparse_tensor: sparse('sparse') },
  { name: 'sparse_tensors', type: 12, sparse_tensors: [sparse('sparse')] },
  { name: 'tp', type: 13, tp: { sequence_type: { elem_type: float } } },
  {
    name: 'type_protos',
    type: 14,
    type_protos: [{ map_type: { key_type: 7, value_type: float } }, { optional_type: { elem_type: float } }],
  },
  ...(reference ? [{ name: 'r', type: 1, ref_attr_name: 'alpha' }] : []),
];

const dimension = { dim_param: 'n', num_shards: 2 };
const device = {
  configuration_id: 'c',
  sharding_spec: [
    {
      tensor_name: 'x',
      device: [0, 1],
      index_to_device_group_map: [{ key: 1, value: [0, 1] }],
      sharded_dim: [{ axis: 1, simple_sharding: [dimension] }],
    },
  ],
  pipeline_stage: 1,
};

const model: Message = {
  ir_version: 14,
  opset_import: [
    { domain: '', version: 21 },
    { domain: 'local', version: 1 },
  ],
  producer_name: 'p',
  producer_version: '1',
  domain: 'd',
  model_version: 3,
  doc_string: 'd',
  metadata_props: [entry],
  configuration: [{ name: 'c', num_devices: 2, device: ['a', 'b'] }],
  graph: graph('main', {
    node: [
      {
        op_type: 'Everything',
        domain: 'local',
        overload: 'o',
        name: 'n',
        input: ['main_x', '', 'main_w'],
        output: ['main_y', '', 'other'],
        attribute: [
          ...attributes(false),
          { name: 'g', type: 5, g: graph('sub') },
          { name: 'graphs', type: 10, graphs: [graph('sub1'), graph('sub2', { output: [info('main_x')] })] },
        ],
        doc_string: 'd',
        metadata_props: [entry],
        device_configurations: [device],
      },
    ],
    input: [
      info('main_x'),
      info('sequence', { sequence_type: { elem_type: float } }),
      info('opaque', { opaque_type: { domain: 'd', name: 'n' } }),
      info('sparse_x', { sparse_tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 2 }] } } }),
    ],
    value_info: [info('other'), info('nowhere')],
  }),
  training_info: [
    {
      initialization: graph('init'),
      algorithm: graph('step'),
      initialization_binding: [entry],
      update_binding: [entry],
    },
  ],
  functions: [
    {
      name: 'Everything',
      domain: 'local',
      overload: 'o',
      input: ['x', 'unused', 'w'],
      output: ['y', 'u', 'z'],
      attribute: ['beta'],
      attribute_proto: [{ name: 'alpha', type: 1, f: 1, doc_string: 'd' }],
      node: [
        { op_type: 'Elu', input: ['x'], output: ['y'], attribute: attributes(true) },
        { op_type: 'Relu', input: ['y'], output: ['hidden'] },
        { op_type: 'Relu', input: ['hidden'], output: ['u'] },
        { op_type: 'Relu', input: ['u'], output: ['z'] },
      ],
      doc_string: 'd',
      opset_import: [{ domain: '', version: 21 }],
      value_info: [info('x'), info('y'), info('hidden')],
      metadata_props: [entry],
    },
  ],
};

/** Gives every message in `message` an unknown field that holds its path. */
function markAll(type: protobuf.Type, message: Message, path: string, marks: string[]): void {
  marks.push(path);
  message.$unknowns = [field(2000, path)];
  for (const { name, resolvedType, repeated } of type.fieldsArray) {
    const value = message[name];
    if (!(resolvedType instanceof protobuf.Type) || value === undefined) continue;
    const parts = (repeated ? value : [value]) as Message[];
    parts.forEach((part, index) => {
      markAll(resolvedType, part, `${path}.${name}${repeated ? `[${index}]` : ''}`, marks);
    });
  }
}

function decodeKeepingUnknown(bytes: Uint8Array): Message {
  const reader = protobuf.Reader.create(bytes);
  reader.discardUnknown = false;
  return protoType('ModelProto').decode(reader) as unknown as Message;
}

/** Objects that appear several times in `message` become several objects. */
function deepCopy(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(deepCopy);
  if (message === null || typeof message !== 'object' || message instanceof Uint8Array) return message;
  return Object.fromEntries(Object.entries(message).map(([key, value]) => [key, deepCopy(value)]));
}

/** path → content of its unknown field, for every message that has one. */
function marksOf(type: protobuf.Type, message: Message, path: string, found: Map<string, string>): Map<string, string> {
  const unknown = message.$unknowns as Uint8Array[] | undefined;
  if (unknown)
    found.set(
      path,
      Buffer.concat(unknown)
        .toString()
        .replace(/^.*?model/s, 'model'),
    );
  for (const { name, resolvedType, repeated } of type.fieldsArray) {
    if (!(resolvedType instanceof protobuf.Type) || !Object.hasOwn(message, name)) continue;
    const parts = (repeated ? message[name] : [message[name]]) as Message[];
    parts.forEach((part, index) => {
      marksOf(resolvedType, part, `${path}.${name}${repeated ? `[${index}]` : ''}`, found);
    });
  }
  return found;
}

/** In a common form: payloads as raw_data, value infos by name. */
function normalize(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(normalize);
  if (message === null || typeof message !== 'object') return message;
  const copy: Message = {};
  for (const [key, value] of Object.entries(message)) copy[key] = normalize(value);
  if ('float_data' in copy) copy.raw_data = [...new Uint8Array(Float32Array.from(copy.float_data as number[]).buffer)];
  if ('int64_data' in copy) copy.raw_data = [...new Uint8Array(BigInt64Array.from(copy.int64_data as bigint[]).buffer)];
  delete copy.float_data;
  delete copy.int64_data;
  if (Array.isArray(copy.value_info)) copy.value_info.sort((a, b) => (a.name < b.name ? -1 : 1));
  return copy;
}

function toPlain(bytes: Uint8Array): unknown {
  const type = protoType('ModelProto');
  return normalize(type.toObject(type.decode(bytes), { longs: BigInt, bytes: Array }));
}

test('everything a model can hold survives load, clone and save', async () => {
  const bytes = protoType('ModelProto').encode(model).finish();
  const loaded = await loadModel(bytes);
  verifyModel(loaded);
  expect(toPlain(encodeToBytes(cloneModel(loaded)))).toEqual(toPlain(bytes));
});

test('unknown fields of every message survive load, clone and save', async () => {
  const copy = deepCopy(model) as Message;
  const marks: string[] = [];
  markAll(protoType('ModelProto'), copy, 'model', marks);
  const bytes = protoType('ModelProto').encode(copy).finish();
  // Guards the test itself: protobufjs has written them all.
  const before = marksOf(protoType('ModelProto'), decodeKeepingUnknown(bytes), 'model', new Map());
  expect([...before.values()].sort()).toEqual([...marks].sort());

  const saved = encodeToBytes(cloneModel(await loadModel(bytes)));
  const after = marksOf(protoType('ModelProto'), decodeKeepingUnknown(saved), 'model', new Map());
  expect([...after.values()].sort()).toEqual([...marks].sort());
  expect(marks.length).toBeGreaterThan(200);
});
