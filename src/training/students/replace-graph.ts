// Puts the graph of another model in the place of a model's, behind the same interface.
import { unsupportedModel } from '../../errors.js';
import { type Attribute, cloneGraph, type Graph, type Model, type Value } from '../../ir/index.js';

/**
 * Inputs and outputs keep the names and types of `model`, with the lengths that `other` declares; those of `other` are matched by name, else by position. Throws MODEL_UNSUPPORTED where their numbers differ.
 */
export function replaceGraph(model: Model, other: Model): void {
  const { graph } = model;
  const [inputs, otherInputs] = [graph, other.graph].map((one) =>
    one.inputs.filter(({ isInitializer }) => !isInitializer),
  );
  if (inputs.length !== otherInputs.length || graph.outputs.length !== other.graph.outputs.length) {
    throw unsupportedModel(
      `The student has ${otherInputs.length} inputs and ${other.graph.outputs.length} outputs, the teacher ${inputs.length} and ${graph.outputs.length}`,
    );
  }
  if (model.functions.length > 0 || other.functions.length > 0) throw unsupportedModel('A model has local functions');
  const outputs = [...graph.outputs];
  const outputTypes = outputs.map(({ name, type, opaque }) => ({ name, type, opaque }));
  for (const output of outputs) graph.removeOutput(output);
  for (const node of [...graph.nodes()].reverse()) graph.remove(node);
  for (const value of [...graph.initializers]) graph.removeInitializer(value);
  const values = new Map<Value, Value>();
  for (const [index, input] of otherInputs.entries()) {
    const own = inputs.find(({ name }) => name === input.name) ?? inputs[index];
    declareLengths(own, input);
    values.set(input, own);
  }
  copyInto(graph, other.graph, values);
  for (const [index, expected] of outputTypes.entries()) {
    const source = other.graph.outputs.find(({ name }) => name === expected.name) ?? other.graph.outputs[index];
    // A value of its own: an output may be an input, or be given twice.
    const copy = values.get(source)!;
    const { output } =
      copy.producer && !copy.isGraphOutput ? { output: copy } : graph.append({ opType: 'Identity', inputs: [copy] });
    if (output.name !== expected.name) output.rename(graph.scope.uniqueName(expected.name));
    output.type = expected.type;
    output.opaque = expected.opaque;
    declareLengths(output, source);
    graph.addOutput(output);
  }
  for (const [domain, version] of other.opsetImports) model.opsetImports.set(domain, version);
  model.irVersion = other.irVersion;
}

/** A graph that was made for lengths of its own takes no others: a batch of one, say. */
function declareLengths(value: Value, { type: other }: Value): void {
  const { type } = value;
  if (type?.kind !== 'tensor' || other?.kind !== 'tensor') return;
  if (!type.shape || !other.shape || type.shape.length !== other.shape.length) return;
  const lengths = other.shape;
  const shape = type.shape.map((dim, axis) => (typeof lengths[axis] === 'number' ? lengths[axis] : dim));
  if (shape.every((dim, axis) => dim === type.shape![axis])) return;
  value.type = { ...type, shape };
}

/** Copies initializers and nodes; `values` holds what the inputs of `from` stand for. */
function copyInto(graph: Graph, from: Graph, values: Map<Value, Value>): void {
  for (const value of from.initializers) values.set(value, graph.addInitializer(value.name, value.constant!));
  for (const node of from.nodes()) {
    const copy = graph.append({
      opType: node.opType,
      domain: node.domain,
      name: node.name,
      inputs: node.inputs.map((input) => input && (values.get(input) ?? input)),
      outputs: node.outputs.map((output) => (output ? graph.scope.uniqueName(output.name) : '')),
      attributes: Object.fromEntries(
        [...node.attributes].map(([name, own]) => [name, copyAttribute(own, graph, values)]),
      ),
    });
    for (const [index, output] of node.outputs.entries()) {
      if (!output) continue;
      values.set(output, copy.outputs[index]!);
      copy.outputs[index]!.type = output.type;
    }
  }
}

function copyAttribute(attribute: Attribute, graph: Graph, values: ReadonlyMap<Value, Value>): Attribute {
  if (attribute.type !== 'graph') return attribute;
  return { ...attribute, value: cloneGraph(attribute.value, graph.scope, new Map(values)) };
}
