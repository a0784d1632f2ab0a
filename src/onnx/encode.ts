// Model → ModelProto. Tensors go along as payloads; where their bytes are put is decided when the file is laid out.
import type { Attribute, Graph, LocalFunction, Model, Node, Value, ValueType } from '../ir/index.js';
import { dataTypeCode, StringTensor, type Tensor } from '../tensor/index.js';
import { type LoadedModel, normalizeDomain } from './decode.js';
import type { AttributeRest } from './decode-attribute.js';
import { decodeType, encodeType } from './decode-type.js';
import { unknownFields } from './message-type.js';
import {
  type AttributeProto,
  attributeTypes,
  type FunctionProto,
  type GraphProto,
  int64,
  type ModelProto,
  type NodeProto,
  type OperatorSetIdProto,
  type StringStringEntryProto,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from './messages.js';
import { withOpaqueParts } from './opaque-parts.js';

export function encodeModel(model: Model): ModelProto {
  const loaded = model.opaque?.message as ModelProto | undefined;
  return withOpaqueParts<ModelProto>(model.opaque, {
    ...(model.irVersion !== 0 && { ir_version: int64(model.irVersion) }),
    opset_import: encodeOpsets(model.opsetImports, loaded?.opset_import),
    ...(model.producerName && { producer_name: model.producerName }),
    ...(model.producerVersion && { producer_version: model.producerVersion }),
    metadata_props: encodeMetadata(model.metadataProps, loaded?.metadata_props),
    graph: encodeMainGraph(model),
    functions: model.functions.map(encodeFunction),
  });
}

/** `loaded` are the entries of the file, which say more than the map when they have unknown fields. */
function encodeOpsets(
  opsets: ReadonlyMap<string, number>,
  loaded: readonly OperatorSetIdProto[] = [],
): OperatorSetIdProto[] {
  const byDomain = new Map(loaded.map((entry) => [normalizeDomain(entry.domain), entry]));
  return [...opsets].map(([domain, version]) => ({ ...(byDomain.get(domain) ?? { domain }), version: int64(version) }));
}

function encodeMetadata(
  metadata: ReadonlyMap<string, string>,
  loaded: readonly StringStringEntryProto[] = [],
): StringStringEntryProto[] {
  const byKey = new Map(loaded.map((entry) => [entry.key ?? '', entry]));
  return [...metadata].map(([key, value]) => ({ ...byKey.get(key), key, value }));
}

/**
 * Before IR version 4 every initializer of the main graph is listed among its inputs; those that passes made are not yet. A file
 * that did not care (onnxruntime does not) stays as it was.
 */
function encodeMainGraph({ graph, irVersion, opaque }: Model): GraphProto {
  const message = encodeGraph(graph);
  if (irVersion >= 4 || (opaque?.message as LoadedModel | undefined)?.initializersApart) return message;
  const added = [...graph.initializers].filter((value) => !value.isGraphInput);
  return { ...message, input: [...(message.input ?? []), ...added.map(encodeValueInfo)] };
}

function encodeFunction(local: LocalFunction): FunctionProto {
  const body = encodeGraph(local.body);
  const loaded = local.opaque?.message as FunctionProto | undefined;
  return withOpaqueParts<FunctionProto>(local.opaque, {
    name: local.name,
    domain: local.domain,
    ...(local.overload && { overload: local.overload }),
    input: local.body.inputs.map(({ name }) => name),
    output: local.body.outputs.map(({ name }) => name),
    attribute: [...local.attributes],
    attribute_proto: Object.entries(local.attributeDefaults).map(([name, attribute]) =>
      encodeAttribute(name, attribute),
    ),
    node: body.node,
    opset_import: encodeOpsets(local.opsetImports, loaded?.opset_import),
    value_info: [...(body.input ?? []), ...(body.output ?? [])].filter(saysMore).concat(body.value_info ?? []),
  });
}

/** Whether an info says more of a value than its name. */
function saysMore(info: ValueInfoProto): boolean {
  return Object.keys(info).length > 1 || unknownFields in info;
}

function encodeGraph(graph: Graph): GraphProto {
  const own = [...graph.nodes()].flatMap((node) => node.outputs.filter((output) => output !== null));
  const initializers = [...graph.initializers];
  const loaded = graph.opaque?.message as GraphProto | undefined;
  const outputs = new Set(graph.outputs);
  const constants = [...initializers, ...graph.sparseInitializers.map(({ value }) => value)];
  const ownInfos = [...own, ...constants.filter((value) => loadedInfo(value)?.info && !value.isGraphInput)]
    .filter((value) => !outputs.has(value) && (encodeType(value.type) ?? loadedInfo(value)?.info))
    .map(encodeValueInfo);
  return withOpaqueParts<GraphProto>(graph.opaque, {
    name: graph.name,
    node: [...graph.nodes()].map(encodeNode),
    input: graph.inputs.map(encodeValueInfo),
    output: graph.outputs.map((value) => unplacedInfo(value, loaded?.output) ?? encodeValueInfo(value)),
    initializer: initializers.map((value) =>
      encodeTensor(value.constant!, { ...loadedInfo(value)?.tensor, name: value.name }),
    ),
    sparse_initializer: graph.sparseInitializers.map(({ opaque }) => withOpaqueParts(opaque, {})),
    value_info: [...ownInfos, ...stillTrue(loaded?.value_info, graph, ownInfos)],
  });
}

/** What a file says of a graph output that is a value of an enclosing graph, or an input at the same time. */
function unplacedInfo(value: Value, infos: readonly ValueInfoProto[] = []): ValueInfoProto | null {
  return infos.find((info) => info.name === value.name && agrees(info, value)) ?? null;
}

/** The value infos of a file for names that are not computed in their graph, as far as no pass has made them wrong. */
function stillTrue(
  infos: readonly ValueInfoProto[] = [],
  graph: Graph,
  ownInfos: readonly ValueInfoProto[],
): ValueInfoProto[] {
  const taken = new Set(ownInfos.map(({ name }) => name));
  const values = new Map([...graph.inputs, ...graph.outputs].map((value) => [value.name, value]));
  return infos.filter((info) => {
    const value = values.get(info.name ?? '');
    return !taken.has(info.name) && (!value || agrees(info, value));
  });
}

function agrees(info: ValueInfoProto, value: Value): boolean {
  const type = info.type ? decodeType(info.type) : null;
  return type?.kind !== 'tensor' || value.type?.kind !== 'tensor' || type.dataType === value.type.dataType;
}

function encodeNode(node: Node): NodeProto {
  return withOpaqueParts<NodeProto>(node.opaque, {
    input: node.inputs.map((input) => input?.name ?? ''),
    output: node.outputs.map((output) => output?.name ?? ''),
    ...(node.name && { name: node.name }),
    op_type: node.opType,
    ...(node.domain && { domain: node.domain }),
    ...(node.overload && { overload: node.overload }),
    attribute: [...node.attributes].map(([name, attribute]) => encodeAttribute(name, attribute)),
  });
}

/** What the decoder kept of a value: its info with the type it decoded to, and the rest of its tensor. */
interface LoadedInfo {
  readonly info?: ValueInfoProto;
  readonly type?: Value['type'];
  readonly tensor?: object;
}

function loadedInfo(value: Value): LoadedInfo | null {
  return (value.opaque?.message as LoadedInfo | undefined) ?? null;
}

function encodeValueInfo(value: Value): ValueInfoProto {
  const loaded = loadedInfo(value);
  // A type that no pass has changed goes back as it came, with its denotations.
  const unchanged =
    loaded?.info?.type && (loaded.type === value.type || (loaded.type && describes(loaded.type, value)));
  const type: TypeProto | undefined = unchanged ? loaded.info!.type : (encodeType(value.type) ?? loaded?.info?.type);
  return withOpaqueParts<ValueInfoProto>(loaded?.info && { message: loaded.info }, {
    name: value.name,
    ...(type && { type }),
  });
}

/** Whether the type a file declared for an initializer still fits its tensor. */
function describes(type: ValueType, { constant }: Value): boolean {
  if (constant === null || type.kind !== 'tensor' || type.dataType !== constant.dataType) return false;
  const { shape } = type;
  if (shape === null) return true;
  return (
    shape.length === constant.shape.length &&
    constant.shape.every((dim, axis) => typeof shape[axis] !== 'number' || shape[axis] === dim)
  );
}

function encodeTensor(tensor: Tensor, rest: object | null): TensorProto {
  const message: TensorProto = { dims: tensor.shape.map(int64), data_type: dataTypeCode(tensor.dataType) };
  if (tensor instanceof StringTensor) message.string_data = [...tensor.values];
  else message.payload = tensor;
  return withOpaqueParts<TensorProto>(rest && { message: rest }, message);
}

function encodeAttribute(name: string, attribute: Attribute): AttributeProto {
  const rest = attribute.opaque?.message as AttributeRest | undefined;
  return withOpaqueParts<AttributeProto>(rest?.attribute, { name, ...encodeAttributeValue(attribute, rest) });
}

function encodeAttributeValue(attribute: Attribute, rest: AttributeRest | undefined): AttributeProto {
  switch (attribute.type) {
    case 'float':
      return { type: attributeTypes.float, f: attribute.value };
    case 'int':
      return { type: attributeTypes.int, i: int64(attribute.value) };
    case 'string':
      return { type: attributeTypes.string, s: attribute.value };
    case 'tensor':
      return { type: attributeTypes.tensor, t: encodeTensor(attribute.value, rest?.tensors[0] ?? null) };
    case 'graph':
      return { type: attributeTypes.graph, g: encodeGraph(attribute.value) };
    case 'floats':
      return { type: attributeTypes.floats, floats: [...attribute.value] };
    case 'ints':
      return { type: attributeTypes.ints, ints: attribute.value.map(int64) };
    case 'strings':
      return { type: attributeTypes.strings, strings: [...attribute.value] };
    case 'tensors':
      return {
        type: attributeTypes.tensors,
        tensors: attribute.value.map((tensor, index) => encodeTensor(tensor, rest?.tensors[index] ?? null)),
      };
    case 'graphs':
      return { type: attributeTypes.graphs, graphs: attribute.value.map(encodeGraph) };
    case 'reference':
      return { type: attribute.valueType ? attributeTypes[attribute.valueType] : 0, ref_attr_name: attribute.value };
    case 'opaque':
      return { type: rest?.type ?? 0 };
  }
}
