// Nodes that depend on constants only, cut out of all graphs into a model of their own.
import type { Engine } from '../../src/engine/index.js';
import { Graph, Model, type Node, Scope, type TensorType, type Value } from '../../src/ir/index.js';
import { constantTensor } from './constant-nodes.js';

export interface CutOut {
  readonly model: Model;
  /** Values of the original by the values of the cut-out model. */
  readonly originals: ReadonlyMap<Value, Value>;
  /** Values of the cut-out model by those of the original. */
  readonly copies: ReadonlyMap<Value, Value>;
}

/** `nodes` in their order, without outputs; weights are shared. Names are made unique: sibling subgraphs may use the same. */
export function cutOut(nodes: readonly Node[], model: Model): CutOut {
  const graph = new Graph(new Scope(), 'constants');
  const cut = new Model(graph);
  for (const [domain, version] of model.opsetImports) cut.opsetImports.set(domain, version);
  const copies = new Map<Value, Value>();
  const originals = new Map<Value, Value>();
  const connect = (original: Value, copy: Value): Value => {
    copies.set(original, copy);
    originals.set(copy, original);
    return copy;
  };
  const copyOf = (value: Value): Value => {
    const known = copies.get(value);
    if (known) return known;
    const tensor = constantTensor(model, value);
    if (!tensor) throw new TypeError(`${value.name} is not constant`);
    return connect(value, graph.addInitializer(value.name, tensor));
  };
  for (const node of nodes) {
    const { opType, domain, overload, attributes } = node;
    const copy = graph.append({
      opType,
      domain,
      overload,
      inputs: node.inputs.map((input) => input && copyOf(input)),
      outputs: node.outputs.map((output) => (output ? graph.scope.uniqueName(output.name) : '')),
      attributes: attributes.toObject(),
    });
    for (const [index, output] of node.outputs.entries()) {
      const copied = copy.outputs[index];
      if (output && copied) connect(output, copied);
    }
  }
  return { model: cut, originals, copies };
}

/** Types of what `nodes` compute, as far as they follow without computing it. */
export async function inferConstantTypes(
  nodes: readonly Node[],
  model: Model,
  engine: Engine,
): Promise<ReadonlyMap<Value, TensorType>> {
  const { model: cut, originals } = cutOut(nodes, model);
  const types = new Map<Value, TensorType>();
  for (const [copy, type] of await engine.inferTypes(cut)) {
    const original = originals.get(copy);
    if (original) types.set(original, type);
  }
  return types;
}
