// AttributeProto → Attribute.
import type { Attribute, AttributeTypeName, Opaque } from '../ir/index.js';
import type { GraphDecoder, Names } from './decode.js';
import { type AttributeProto, attributeTypes, type TensorProto } from './messages.js';
import { opaqueParts } from './opaque-parts.js';
import { decodeTensor } from './tensor-decoding.js';

const commonFields: ReadonlySet<string> = new Set([
  'name',
  'ref_attr_name',
  'type',
  'f',
  'i',
  's',
  't',
  'g',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
]);

/** What the file says of an attribute beside its value. */
export interface AttributeRest {
  /** Remaining fields of AttributeProto. */
  readonly attribute: Opaque | null;
  /** The type the file gives an attribute whose value is opaque. */
  readonly type: number;
  /** Remaining fields of each tensor, its name among them. */
  readonly tensors: readonly (object | null)[];
}

export function decodeAttribute(message: AttributeProto, decoder: GraphDecoder, names: Names): Attribute {
  const opaque = restOf(message, decoder);
  const tensor = (part: TensorProto | undefined) => decodeTensor(part ?? {}, decoder.locations);
  if (message.ref_attr_name) {
    return { type: 'reference', value: message.ref_attr_name, valueType: typeName(message.type ?? 0), opaque };
  }
  switch (message.type || inferType(message)) {
    case attributeTypes.float:
      return { type: 'float', value: message.f ?? 0, opaque };
    case attributeTypes.int:
      return { type: 'int', value: BigInt(message.i ?? 0), opaque };
    case attributeTypes.string:
      return { type: 'string', value: message.s ?? new Uint8Array(0), opaque };
    case attributeTypes.tensor:
      return { type: 'tensor', value: tensor(message.t), opaque };
    case attributeTypes.graph:
      return { type: 'graph', value: decoder.graph(message.g ?? {}, names), opaque };
    case attributeTypes.floats:
      return { type: 'floats', value: message.floats ?? [], opaque };
    case attributeTypes.ints:
      return { type: 'ints', value: (message.ints ?? []).map((value) => BigInt(value)), opaque };
    case attributeTypes.strings:
      return { type: 'strings', value: message.strings ?? [], opaque };
    case attributeTypes.tensors:
      return { type: 'tensors', value: (message.tensors ?? []).map(tensor), opaque };
    case attributeTypes.graphs:
      return { type: 'graphs', value: (message.graphs ?? []).map((graph) => decoder.graph(graph, names)), opaque };
    default:
      return { type: 'opaque', value: null, opaque: opaque ?? { message: noRest(message) } };
  }
}

/** undefined where the value is all there is, as it is nearly always. */
function restOf(message: AttributeProto, decoder: GraphDecoder): { message: AttributeRest } | undefined {
  const attribute = opaqueParts('AttributeProto', message, commonFields, decoder.locations);
  const tensors = message.t ? [message.t] : (message.tensors ?? []);
  const tensorRests = tensors.map((tensor) => namedRest(tensor, decoder));
  if (!attribute && tensorRests.every((rest) => rest === null)) return undefined;
  return { message: { ...noRest(message), attribute, tensors: tensorRests } };
}

function noRest(message: AttributeProto): AttributeRest {
  return { attribute: null, type: message.type ?? 0, tensors: [] };
}

function namedRest(message: TensorProto, decoder: GraphDecoder): object | null {
  const rest = decoder.tensorRest(message);
  return message.name === undefined ? rest : { ...rest, name: message.name };
}

function typeName(code: number): AttributeTypeName | null {
  const names = Object.keys(attributeTypes) as AttributeTypeName[];
  return names.find((name) => attributeTypes[name] === code) ?? null;
}

/** Files of the first ONNX versions leave the type out. */
function inferType(message: AttributeProto): number {
  const has = (field: keyof AttributeProto): boolean => Object.hasOwn(message, field) && message[field] !== undefined;
  const single = (['f', 'i', 's', 't', 'g'] as const).findIndex(has);
  if (single >= 0) return single + 1;
  const list = (['floats', 'ints', 'strings', 'tensors', 'graphs'] as const).findIndex(
    (field) => (message[field]?.length ?? 0) > 0,
  );
  return list >= 0 ? list + 6 : 0;
}
