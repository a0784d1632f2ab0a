// Graph inputs and outputs of element types that the binding cannot take or give are cast to carriers in a copy of the model.
import {
  cloneModel,
  type Graph,
  intAttribute,
  type Model,
  type NodeInit,
  type TensorType,
  tensorType,
  type Value,
} from '../../ir/index.js';
import { type DataType, dataTypeCode } from '../../tensor/index.js';
import { carrierOf, isNative } from './carriers.js';

/** Element types of graph inputs and outputs by name. */
export type InterfaceTypes = ReadonlyMap<string, DataType>;

/** The declared types of a model's inputs and outputs. */
export function interfaceTypes(model: Model): Map<string, DataType> {
  const types = new Map<string, DataType>();
  for (const { name, type } of [...model.graph.inputs, ...model.graph.outputs]) {
    if (type?.kind === 'tensor') types.set(name, type.dataType);
  }
  return types;
}

/** Whether some input or output is of a type that the binding cannot take or give. */
export function needsAdapting(types: InterfaceTypes): boolean {
  return [...types.values()].some((dataType) => !isNative(dataType));
}

/**
 * A copy of `model` whose inputs and outputs have the same names and order; those with a carrier have its type, outputs that
 * have neither a carrier nor a native type are gone.
 */
export function adaptInterface(model: Model, types: InterfaceTypes): Model {
  const clone = cloneModel(model);
  const { graph } = clone;
  if (!clone.opsetImports.has('')) clone.opsetImports.set('', 21);
  const outputs = graph.outputs.map((value) => ({ value, dataType: types.get(value.name) }));
  for (const { value } of outputs) graph.removeOutput(value);
  const carried = new Map<Value, Value>();
  for (const input of graph.inputs.filter(({ isInitializer }) => !isInitializer)) {
    const dataType = types.get(input.name);
    if (dataType && carrierOf(dataType)) carried.set(input, adaptInput(graph, input, dataType));
  }
  for (const { value, dataType } of outputs) {
    if (dataType && !isNative(dataType) && !carrierOf(dataType)) continue;
    // An output that is an input goes through as it travels.
    graph.addOutput(carried.get(value) ?? (dataType ? adaptOutput(graph, value, dataType) : value));
  }
  return clone;
}

/** Puts a cast behind a new input of the same name; gives the new input. */
function adaptInput(graph: Graph, input: Value, dataType: DataType): Value {
  const { name } = input;
  input.rename(graph.scope.uniqueName(`${name}_carried`));
  const carried = graph.addInput(name, tensorType(carrierOf(dataType)!.dataType, shapeOf(input)));
  const init = castInit(carried, dataType, input.name);
  const [first] = graph.nodes();
  const cast = first ? graph.insertBefore(first, init) : graph.append(init);
  input.replaceAllUsesWith(cast.output);
  graph.removeInput(input);
  return carried;
}

function adaptOutput(graph: Graph, output: Value, dataType: DataType): Value {
  const carrier = carrierOf(dataType);
  if (!carrier) return output;
  const { name } = output;
  output.rename(graph.scope.uniqueName(`${name}_carried`));
  const cast = graph.append(castInit(output, carrier.dataType, name));
  cast.output.type = tensorType(carrier.dataType, shapeOf(output));
  return cast.output;
}

function castInit(value: Value, to: DataType, output: string): NodeInit {
  return { opType: 'Cast', inputs: [value], outputs: [output], attributes: { to: intAttribute(dataTypeCode(to)) } };
}

function shapeOf(value: Value): TensorType['shape'] {
  return value.type?.kind === 'tensor' ? value.type.shape : null;
}
