// Where the bytes of two models are, by parts of the model: names of nodes are paths, and parts are what they begin with.
import { type Model, type Node, nodeLabel, operandsOf } from '../../ir/index.js';
import type { Tensor } from '../../tensor/index.js';
import type { WeightGroups } from '../schema/node-comparison.js';

const mostParts = 16;
/** Of all bytes: parts with less are not split further, so that equal parts are told alike. */
const leastShare = 1 / 8;

interface NamedWeight {
  readonly path: readonly string[];
  readonly dataType: string;
  readonly bytes: number;
}

/** Largest in the first model first. */
export function groupWeights(input: Model, output: Model): WeightGroups {
  const weights = [
    ...namedWeights(input).map((weight) => ({ ...weight, side: 'input' as const })),
    ...namedWeights(output).map((weight) => ({ ...weight, side: 'output' as const })),
  ];
  const groups = splitLargest(weights).map(({ name, members }) => {
    const group: WeightGroups[number] = { group: name, input: {}, output: {} };
    for (const { side, dataType, bytes } of members) group[side][dataType] = (group[side][dataType] ?? 0) + bytes;
    return group;
  });
  const order = new Intl.Collator('en', { numeric: true });
  return groups.sort((a, b) => total(b.input) - total(a.input) || order.compare(a.group, b.group));
}

type SidedWeight = NamedWeight & { readonly side: 'input' | 'output' };

interface Part {
  readonly name: string;
  readonly depth: number;
  readonly members: readonly SidedWeight[];
}

/** Parts by the first words of paths; the largest are split by one word more as long as there are not too many. */
function splitLargest(weights: readonly SidedWeight[]): Part[] {
  let parts: Part[] = [{ name: '', depth: 0, members: weights }];
  const all = bytesOf(parts[0]);
  for (;;) {
    const candidates = parts
      .map((part) => ({ part, split: split(part) }))
      .filter(({ part, split }) => bytesOf(part) >= leastShare * all && split.some(({ name }) => name !== part.name))
      .filter(({ split }) => parts.length - 1 + split.length <= mostParts)
      .sort((a, b) => bytesOf(b.part) - bytesOf(a.part));
    const [chosen] = candidates;
    if (!chosen) break;
    parts = parts.flatMap((part) => (part === chosen.part ? chosen.split : [part]));
  }
  // One part too many at the top, as in files without paths: the smallest are told together.
  if (parts.length === 1 && parts[0].depth === 0) return joinSmallest(split(parts[0]));
  return parts;
}

function split({ depth, members }: Part): Part[] {
  const parts = new Map<string, SidedWeight[]>();
  for (const weight of members) {
    const name = weight.path.slice(0, depth + 1).join('/');
    parts.set(name, [...(parts.get(name) ?? []), weight]);
  }
  return [...parts].map(([name, members]) => ({ name, depth: depth + 1, members }));
}

function joinSmallest(parts: readonly Part[]): Part[] {
  const sorted = [...parts].sort((a, b) => bytesOf(b) - bytesOf(a));
  const rest = sorted.slice(mostParts - 1);
  if (rest.length < 2) return sorted;
  const name = `${rest.length} others`;
  return [...sorted.slice(0, mostParts - 1), { name, depth: 1, members: rest.flatMap(({ members }) => members) }];
}

function bytesOf({ members }: Part): number {
  return members.reduce((sum, { side, bytes }) => sum + (side === 'input' ? bytes : 0), 0);
}

function total(bytes: Readonly<Record<string, number>>): number {
  return Object.values(bytes).reduce((sum, each) => sum + each, 0);
}

/** Every constant once, named after the first node that computes with it. */
function namedWeights(model: Model): NamedWeight[] {
  const found = new Map<Tensor, NamedWeight>();
  for (const node of model.allNodes()) {
    for (const value of operandsOf(node)) {
      const { constant } = value;
      if (!constant || found.has(constant)) continue;
      found.set(constant, { path: pathOf(consumer(node)), dataType: constant.dataType, bytes: constant.byteLength });
    }
  }
  return [...found.values()];
}

/** What stands between a stored weight and the node that computes with it. */
const between: ReadonlySet<string> = new Set([
  'Cast',
  'Sub',
  'Mul',
  'Transpose',
  'Reshape',
  'Identity',
  'DequantizeLinear',
]);

/** Unnamed nodes on the way hand a weight on; named ones use it. */
function consumer(node: Node, depth = 0): Node {
  if (depth === 8 || node.name !== '' || !between.has(node.opType)) return node;
  const [next] = node.outputs[0]?.consumers() ?? [];
  return next ? consumer(next, depth + 1) : node;
}

/** `/encoder/layer.0/attention/MatMul` → encoder, layer.0, attention; names without a path stand for themselves. */
function pathOf(node: Node): string[] {
  const parts = nodeLabel(node)
    .split(/[/]/)
    .filter((part) => part !== '');
  return parts.length > 1 ? parts.slice(0, -1) : parts;
}
