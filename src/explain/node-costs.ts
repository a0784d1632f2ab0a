// What nodes cost as they are: bytes of their weights, multiplications, and their share of the time of an inference.
import { propagateShapes } from '../analysis/index.js';
import { completeFeeds, type Dataset } from '../data/index.js';
import type { Engine, Feeds, Session } from '../engine/index.js';
import { throwIfAborted } from '../errors.js';
import { cloneModel, type Model, type Node } from '../ir/index.js';
import { constantSource, macsOf } from '../ops/index.js';
import { isFloat, type Tensor } from '../tensor/index.js';

export interface NodeWeight {
  readonly name: string;
  readonly tensor: Tensor;
}

/** The constant floats that a node computes with, behind casts and transposes too. */
export function weightsOf(node: Node): NodeWeight[] {
  return node.inputs.flatMap((input) => {
    const source = constantSource(input);
    return source && isFloat(source.tensor.dataType) ? [{ name: source.value.name, tensor: source.tensor }] : [];
  });
}

/** Multiply-accumulates of each node at the shapes of `feeds`; null where shapes are not known. */
export function macsAt(model: Model, feeds: Feeds): (node: Node) => number | null {
  const inputShapes = new Map(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  const shapes = propagateShapes(model, inputShapes);
  return (node) => macsOf(node, (value) => value.constant?.shape ?? shapes.get(value) ?? null);
}

/** Inferences that are profiled. */
const profiled = 10;

/**
 * Microseconds of one inference in each node of the main graph and in all nodes, by their places in `model.graph.nodes()`. Nodes keep
 * their names when the engine only optimizes a little ('basic'): it does not join several into one kernel then.
 */
export async function measureLatencies(
  model: Model,
  dataset: Dataset,
  { engine, signal }: { readonly engine: Engine; readonly signal?: AbortSignal },
): Promise<{ readonly byNode: ReadonlyMap<number, number>; readonly total: number }> {
  const clone = cloneModel(model);
  const places = new Map<string, number>();
  for (const [place, node] of [...clone.graph.nodes()].entries()) {
    node.name = `dsopt_node_${place}_`;
    places.set(node.name, place);
  }
  const session = await engine.open(clone, { profile: true, optimization: 'basic' });
  let runs = 0;
  const counted: Session = {
    inputs: session.inputs,
    outputs: session.outputs,
    run(feeds, outputs) {
      throwIfAborted(signal);
      runs++;
      return session.run(feeds, outputs);
    },
    profile: () => session.profile(),
    close: () => session.close(),
  };
  try {
    const samples: Feeds[] = [];
    for await (const feeds of completeFeeds(dataset.samples(), dataset.states, counted)) {
      samples.push(feeds);
      if (samples.length === profiled) break;
    }
    for (let run = 0; run < profiled; run++) await counted.run(samples[run % samples.length]);
    const byNode = new Map<number, number>();
    let total = 0;
    for (const { nodeName, microseconds } of await session.profile()) {
      total += microseconds / runs;
      const place = places.get(/^dsopt_node_\d+_/.exec(nodeName)?.[0] ?? '');
      if (place !== undefined) byNode.set(place, (byNode.get(place) ?? 0) + microseconds / runs);
    }
    return { byNode, total };
  } finally {
    await session.close();
  }
}
