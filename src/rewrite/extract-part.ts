// A part of a model as a model of its own: from some values to others. Weights are shared, structure is copied.
import { cloneModel, type Graph, type Model, type TensorType, type Value } from '../ir/index.js';

/**
 * The part of the main graph that computes `outputs` from `inputs` (their types by name) and the graph inputs that it still needs.
 * Throws RangeError for a name that the model does not have.
 */
export function extractPart(model: Model, inputs: ReadonlyMap<string, TensorType>, outputs: readonly string[]): Model {
  const part = cloneModel(model);
  const { graph } = part;
  const values = valuesByName(graph);
  const find = (name: string): Value => {
    const value = values.get(name);
    if (!value) throw new RangeError(`The model has no value ${name}`);
    return value;
  };
  for (const output of new Set(graph.outputs)) graph.removeOutput(output);
  for (const name of outputs) graph.addOutput(find(name));
  for (const [name, type] of inputs) {
    const value = find(name);
    if (value.isGraphInput) continue;
    value.rename(graph.scope.uniqueName(`${name}_uncut`));
    const input = graph.addInput(name, type);
    for (const use of [...value.uses]) use.node.replaceInput(use.index, input);
    // A subgraph can hand a captured value out as it is.
    for (const holder of [...value.outputOf]) if (holder !== graph) holder.replaceOutput(value, input);
  }
  removeUnused(graph);
  return part;
}

export function valuesByName(graph: Graph): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const value of [...graph.inputs, ...graph.initializers]) values.set(value.name, value);
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) values.set(output.name, output);
  return values;
}

function removeUnused(graph: Graph): void {
  for (const node of [...graph.nodes()].reverse()) {
    if (!node.outputs.some((output) => output?.isUsed)) graph.remove(node);
  }
  for (const value of [...graph.initializers]) if (!value.isUsed) graph.removeInitializer(value);
  for (const value of [...graph.inputs]) if (!value.isUsed) graph.removeInput(value);
}
