// A model that tells other values than its outputs.
import { unsupportedModel } from '../../errors.js';
import { cloneModel, type Model, type Value } from '../../ir/index.js';

/** A copy whose outputs are the named values. Throws MODEL_UNSUPPORTED for those that no node of the main graph computes. */
export function exposeValues(model: Model, names: readonly string[]): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  const values = new Map<string, Value>();
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) values.set(output.name, output);
  for (const output of [...graph.outputs]) graph.removeOutput(output);
  for (const name of new Set(names)) {
    const value = values.get(name);
    if (!value) throw unsupportedModel(`No node of the main graph computes ${name}`);
    graph.addOutput(value);
  }
  return copy;
}
