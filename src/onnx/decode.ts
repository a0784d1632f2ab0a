// ModelProto → Model: names become links between values and nodes, tensors become lazy.
import { invalidModel } from '../errors.js';
import { type Attribute, Graph, type LocalFunction, Model, Scope, type Value, type ValueType } from '../ir/index.js';
import { decodeAttribute } from './decode-attribute.js';
import { decodeType } from './decode-type.js';
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OperatorSetIdProto,
  type TensorProto,
  toNumber,
  type ValueInfoProto,
} from './messages.js';
import { orderNodes } from './node-order.js';
import { opaqueParts } from './opaque-parts.js';
import { decodeTensor, type PayloadLocations } from './tensor-decoding.js';

const modelFields: ReadonlySet<string> = new Set([
  'ir_version',
  'producer_name',
  'producer_version',
  'graph',
  'functions',
]);
const graphFields: ReadonlySet<string> = new Set([
  'node',
  'name',
  'initializer',
  'sparse_initializer',
  'input',
  'output',
  'value_info',
]);
const nodeFields: ReadonlySet<string> = new Set([
  'input',
  'output',
  'name',
  'op_type',
  'domain',
  'overload',
  'attribute',
]);
const functionFields: ReadonlySet<string> = new Set([
  'name',
  'domain',
  'overload',
  'input',
  'output',
  'attribute',
  'attribute_proto',
  'node',
  'value_info',
]);
const tensorFields: ReadonlySet<string> = new Set([
  'dims',
  'data_type',
  'name',
  'raw_data',
  'float_data',
  'int32_data',
  'string_data',
  'int64_data',
  'double_data',
  'uint64_data',
  'external_data',
  'data_location',
]);

/** Values by name, innermost graph first. */
export type Names = ReadonlyMap<string, Value>[];

export function decodeModel(message: ModelProto, locations: PayloadLocations): Model {
  if (!message.graph) throw invalidModel('The file holds no graph');
  const model = new Model(new GraphDecoder(locations, new Scope()).graph(message.graph, []));
  model.irVersion = toNumber(message.ir_version);
  model.producerName = message.producer_name ?? '';
  model.producerVersion = message.producer_version ?? '';
  decodeOpsets(message.opset_import, model.opsetImports);
  for (const { key, value } of message.metadata_props ?? []) model.metadataProps.set(key ?? '', value ?? '');
  for (const local of message.functions ?? []) model.functions.push(decodeFunction(local, locations));
  model.opaque = opaqueParts('ModelProto', message, modelFields, locations);
  if (model.irVersion < 4 && [...model.graph.initializers].some((value) => !value.isGraphInput)) {
    model.opaque = { message: { ...model.opaque?.message, initializersApart: true } satisfies LoadedModel };
  }
  return model;
}

/** What is kept of a file beside the IR. */
export interface LoadedModel extends ModelProto {
  /** Not ONNX's: it is of IR version 3 or older and yet has initializers that are no inputs. */
  initializersApart?: true;
}

function decodeOpsets(entries: OperatorSetIdProto[] | undefined, opsets: Map<string, number>): void {
  for (const { domain, version } of entries ?? []) opsets.set(normalizeDomain(domain), toNumber(version));
}

/** ONNX's own domain has two names. */
export function normalizeDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}

function decodeFunction(message: FunctionProto, locations: PayloadLocations): LocalFunction {
  const decoder = new GraphDecoder(locations, new Scope());
  // A function names its inputs and outputs; what is known of them is among its value infos.
  const infos = new Map((message.value_info ?? []).map((info) => [info.name ?? '', info]));
  const described = (name: string): ValueInfoProto => infos.get(name) ?? { name };
  const interfaceNames = new Set([...(message.input ?? []), ...(message.output ?? [])]);
  const body = decoder.graph(
    {
      name: message.name,
      node: message.node,
      input: message.input?.map(described),
      output: message.output?.map(described),
      value_info: message.value_info?.filter(({ name = '' }) => !interfaceNames.has(name)),
    },
    [],
  );
  const attributeDefaults = decoder.attributes(message.attribute_proto, [], `Function "${message.name ?? ''}"`);
  const opsetImports = new Map<string, number>();
  decodeOpsets(message.opset_import, opsetImports);
  return {
    domain: normalizeDomain(message.domain),
    name: message.name ?? '',
    overload: message.overload ?? '',
    attributes: message.attribute ?? [],
    attributeDefaults,
    opsetImports,
    body,
    opaque: opaqueParts('FunctionProto', message, functionFields, locations),
  };
}

/** Decodes one graph and its subgraphs. */
export class GraphDecoder {
  readonly locations: PayloadLocations;
  private readonly scope: Scope;

  constructor(locations: PayloadLocations, scope: Scope) {
    this.locations = locations;
    this.scope = scope;
  }

  graph(message: GraphProto, outer: Names): Graph {
    const graph = new Graph(this.scope, message.name ?? '');
    const values = new Map<string, Value>();
    const names: Names = [values, ...outer];
    const define = (value: Value): void => {
      if (values.has(value.name)) throw invalidModel(`Graph "${graph.name}" defines the value "${value.name}" twice`);
      values.set(value.name, value);
    };
    for (const input of message.input ?? []) define(this.describe(graph.addInput(input.name ?? '', null), input));
    for (const initializer of message.initializer ?? []) this.initializer(graph, values, initializer);
    for (const sparse of message.sparse_initializer ?? []) {
      const opaque = opaqueParts('SparseTensorProto', sparse, new Set(), this.locations);
      define(graph.addSparseInitializer(
        sparse.values?.name ?? '',
        { kind: 'opaque', name: 'sparse_tensor' },
        opaque ?? { message: {} },
      ));
    }
    for (const node of orderNodes(message.node ?? [])) this.node(graph, node, names, define);
    this.values(graph, message, values, names);
    return graph;
  }

  /** `owner` is for messages: who has the attributes. */
  attributes(messages: AttributeProto[] | undefined, names: Names, owner: string): Record<string, Attribute> {
    // Without a prototype: a file may call an attribute __proto__.
    const attributes: Record<string, Attribute> = Object.create(null);
    for (const message of messages ?? []) {
      const name = message.name ?? '';
      if (name in attributes) throw invalidModel(`${owner} has the attribute ${name} twice`);
      attributes[name] = decodeAttribute(message, this, names);
    }
    return attributes;
  }

  tensorRest(message: TensorProto): object | null {
    return opaqueParts('TensorProto', message, tensorFields, this.locations)?.message ?? null;
  }

  private initializer(graph: Graph, values: Map<string, Value>, message: TensorProto): void {
    const name = message.name ?? '';
    const tensor = decodeTensor(message, this.locations);
    const rest = this.tensorRest(message);
    let value = values.get(name);
    if (value?.isInitializer) throw invalidModel(`Graph "${graph.name}" has two initializers "${name}"`);
    if (value) {
      // Models before IR version 4 list their initializers among the inputs; the declared type and its documentation stay.
      const { type } = value;
      graph.makeInitializer(value, tensor);
      if (type) value.type = type;
    } else {
      value = graph.makeInitializer(graph.newValue(name), tensor);
      values.set(name, value);
    }
    if (rest) value.opaque = { message: { ...value.opaque?.message, tensor: rest } };
  }

  /** Adds the outputs to the graph, and what the file says of its other values. */
  private values(graph: Graph, message: GraphProto, values: ReadonlyMap<string, Value>, names: Names): void {
    const unplaced: Required<Pick<GraphProto, 'output' | 'value_info'>> = { output: [], value_info: [] };
    const described = new Set<Value>(graph.inputs);
    for (const output of message.output ?? []) {
      const value = lookUp(output.name ?? '', names);
      if (!value) throw invalidModel(`Nothing computes the output "${output.name ?? ''}" of graph "${graph.name}"`);
      graph.addOutput(value);
      if (values.get(value.name) === value && !described.has(value)) described.add(this.describe(value, output));
      else unplaced.output.push(output);
    }
    for (const info of message.value_info ?? []) {
      const value = values.get(info.name ?? '');
      if (value && !described.has(value)) described.add(this.describe(value, info));
      else unplaced.value_info.push(info);
    }
    const rest = opaqueParts('GraphProto', message, graphFields, this.locations);
    const { output, value_info } = unplaced;
    if (rest || output.length + value_info.length > 0) graph.opaque = { message: { ...rest?.message, ...unplaced } };
  }

  private node(graph: Graph, message: NodeProto, names: Names, define: (value: Value) => void): void {
    const attributes = this.attributes(message.attribute, names, `Node "${message.name ?? ''}"`);
    const inputs = (message.input ?? []).map((name) => {
      if (name === '') return null;
      const value = lookUp(name, names);
      if (!value)
        throw invalidModel(`Node "${message.name ?? ''}" (${message.op_type}) takes "${name}", which nothing computes`);
      return value;
    });
    const node = graph.append({
      opType: message.op_type ?? '',
      domain: message.domain,
      overload: message.overload,
      name: message.name,
      inputs,
      outputs: message.output ?? [],
      attributes,
      opaque: opaqueParts('NodeProto', message, nodeFields, this.locations) ?? undefined,
    });
    for (const output of node.outputs) if (output) define(output);
  }

  /** Type and documentation of a value, as the file declares them. */
  private describe(value: Value, info: ValueInfoProto): Value {
    const type: ValueType | null = info.type ? decodeType(info.type) : null;
    if (type && !value.isInitializer) value.type = type;
    value.opaque = { message: { ...value.opaque?.message, info, type } };
    return value;
  }
}

function lookUp(name: string, names: Names): Value | null {
  for (const values of names) {
    const value = values.get(name);
    if (value) return value;
  }
  return null;
}
