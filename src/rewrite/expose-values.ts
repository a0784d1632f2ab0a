// Making values inside of a model outputs of it, so that an engine hands them over.
import { cloneModel, type Model, tensorType } from '../ir/index.js';

/** A copy whose main graph gives these values too, after its own outputs; what declares their shapes is dropped, as files can be wrong about it. */
export function exposeValues(model: Model, names: Iterable<string>): Model {
  const clone = cloneModel(model);
  const given = new Set(clone.graph.outputs.map(({ name }) => name));
  const wanted = new Set([...names].filter((name) => !given.has(name)));
  for (const node of clone.graph.nodes()) {
    for (const output of node.outputs) {
      if (!output || !wanted.has(output.name)) continue;
      output.type = output.type?.kind === 'tensor' ? tensorType(output.type.dataType, null) : null;
      clone.graph.addOutput(output);
    }
  }
  return clone;
}
