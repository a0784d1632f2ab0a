// A loss that needs no right answers: how sure a model is of the classes that it finds likeliest itself.
import { crossEntropy, type GraphBuilder } from '../autodiff/index.js';
import { unsupportedModel } from '../errors.js';
import { cloneModel, intAttribute, type Model, type Value } from '../ir/index.js';

/** Cross-entropy with the likeliest class of every row. */
export function ownLoss(b: GraphBuilder, logits: Value): Value {
  const shape = b.shapeOf(logits);
  const rows = shape.slice(0, -1).reduce((x, y) => x * y, 1);
  const attributes = { axis: intAttribute(-1), keepdims: intAttribute(0) };
  const likeliest = b.op('ArgMax', [logits], shape.slice(0, -1), { attributes });
  return b.scale(crossEntropy(b, logits, b.reshape(likeliest, [rows])), rows);
}

/** A copy whose outputs are the named values. */
export function exposed(model: Model, names: readonly string[]): Model {
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
