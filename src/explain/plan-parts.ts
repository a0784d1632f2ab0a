// Where a model is cut so that runs which differ only in a later part need not compute the earlier ones again.
import { type Dimension, type Model, type Node, operandsOf, type TensorType, type Value } from '../ir/index.js';
import { nodeLabel } from '../pass/index.js';

export interface Parts {
  /** The values handed over behind each part but the last, with their types. */
  readonly cuts: readonly ReadonlyMap<string, TensorType>[];
  /** Part of each node of the main graph, in order; what is in its subgraphs belongs to it. */
  readonly byNode: ReadonlyMap<Node, number>;
}

/**
 * At most `count` parts of `model` with about as many nodes of `labels` each, cut where the fewest values are handed over. Only values of a
 * type in `types` can be.
 */
export function planParts(
  model: Model,
  labels: ReadonlySet<string>,
  count: number,
  types: ReadonlyMap<Value, TensorType>,
): Parts {
  const nodes = [...model.graph.nodes()];
  const live = liveBehind(nodes);
  const before = countBefore(nodes, labels);
  const total = before.at(-1) ?? 0;
  const cuts: ReadonlyMap<string, TensorType>[] = [];
  const byNode = new Map<Node, number>();
  const places: number[] = [];
  for (let part = 1; part < count; part++) {
    const from = before.findIndex((done) => done >= ((part - 0.5) * total) / count);
    const to = before.findIndex((done) => done >= ((part + 0.5) * total) / count);
    const place = narrowest(live, Math.max(from, (places.at(-1) ?? -1) + 1), to, types);
    if (place === null) continue;
    places.push(place);
    cuts.push(new Map(live[place].map((value) => [value.name, anyLength(types.get(value)!)])));
  }
  for (const [index, node] of nodes.entries()) byNode.set(node, places.filter((place) => place < index).length);
  return { cuts, byNode };
}

/** The values that nodes behind each node still use, made by it or before it. */
function liveBehind(nodes: readonly Node[]): Value[][] {
  const last = new Map<Value, number>();
  for (const [index, node] of nodes.entries()) for (const value of operandsOf(node)) last.set(value, index);
  let live: Value[] = [];
  return nodes.map((node, index) => {
    const made = node.outputs.filter((output) => output !== null);
    live = [...live, ...made].filter((value) => (last.get(value) ?? -1) > index);
    return live;
  });
}

/** Nodes of `labels` up to and including each node, those in subgraphs too. */
function countBefore(nodes: readonly Node[], labels: ReadonlySet<string>): number[] {
  let done = 0;
  return nodes.map((node) => {
    const inside = node.subgraphs().flatMap((graph) => [...graph.allNodes()]);
    done += [node, ...inside].filter((inner) => labels.has(nodeLabel(inner))).length;
    return done;
  });
}

/** The place in [from, to] behind which the fewest values are handed over; null where there is none. */
function narrowest(
  live: readonly (readonly Value[])[],
  from: number,
  to: number,
  types: ReadonlyMap<Value, TensorType>,
): number | null {
  let best: number | null = null;
  for (let place = from; place <= to; place++) {
    const values = live[place];
    if (values.length === 0 || !values.every((value) => types.has(value))) continue;
    if (best === null || values.length < live[best].length) best = place;
  }
  return best;
}

/** Lengths known for certain stay, others are left open. */
function anyLength({ dataType, shape }: TensorType): TensorType {
  const dims = shape?.map((dim): Dimension => (typeof dim === 'number' ? dim : null)) ?? null;
  return { kind: 'tensor', dataType, shape: dims };
}
