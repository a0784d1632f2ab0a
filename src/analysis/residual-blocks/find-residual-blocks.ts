// The repeated blocks of a residual network that can be left out: from one sum of the residual stream to a later one of the same shape. A block
// of a transformer is an attention and the branches behind it, any other block one branch.
import type { Engine } from '../../engine/index.js';
import type { Model, Node, TensorType, Value } from '../../ir/index.js';
import { attentionCores } from '../attention-blocks.js';
import { refineTypes } from '../channel-groups/refine-types.js';
import { inferProvenTypes } from '../proven-types.js';
import { findResidualSums } from './residual-values.js';

export interface ResidualBlock {
  /** The stream before and behind the block, by the names of values. */
  readonly from: string;
  readonly to: string;
}

export interface ResidualStructure {
  /** Blocks that can be left out, in order. */
  readonly blocks: readonly ResidualBlock[];
  /** Why others cannot, by the names of the values they end with. */
  readonly kept: ReadonlyMap<string, string>;
}

/** The residual blocks of the main graph. */
export async function findResidualBlocks(model: Model, engine: Engine): Promise<ResidualStructure> {
  const sums = findResidualSums(model.graph);
  const kept = new Map<string, string>();
  if (sums.length === 0) return { blocks: [], kept };
  const ends = blockEnds(sums, model);
  const starts = [shortcutOf(sums[0].inputs[0]!, sums[0].inputs[1]!), ...ends];
  const types = await inferProvenTypes(model, engine, { refine: refineTypes });
  const blocks: ResidualBlock[] = [];
  for (const [index, end] of ends.entries()) {
    const start = starts[index];
    const reason = whyNotRemovable(start, end, types);
    if (reason === null) blocks.push({ from: start.name, to: end.name });
    else kept.set(end.name, reason);
  }
  return { blocks, kept };
}

/** The sum that closes each block: what follows an attention belongs to it, as many sums as usually do. */
function blockEnds(sums: readonly Node[], model: Model): Value[] {
  const position = new Map([...model.graph.nodes()].map((node, at) => [node, at]));
  const cores = attentionCores(model).map((node) => position.get(node)!);
  const holdsAttention = sums.map((sum, at) => {
    const [begin, end] = [at === 0 ? -1 : position.get(sums[at - 1])!, position.get(sum)!];
    return cores.some((core) => core > begin && core < end);
  });
  const first = holdsAttention.flatMap((holds, at) => (holds ? [at] : []));
  const lengths = first.map((at, index) => (first[index + 1] ?? sums.length) - at);
  const usual = mostFrequent(lengths) ?? 1;
  const ends: Value[] = [];
  for (let at = 0; at < sums.length; ) {
    let next = at + 1;
    if (holdsAttention[at]) while (next < Math.min(at + usual, sums.length) && !holdsAttention[next]) next++;
    ends.push(sums[next - 1].output);
    at = next;
  }
  return ends;
}

function mostFrequent(numbers: readonly number[]): number | null {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return [...counts].reduce<[number | null, number]>(
    (best, [number, count]) => (count > best[1] ? [number, count] : best),
    [null, 0],
  )[0];
}

function whyNotRemovable(start: Value, end: Value, types: ReadonlyMap<Value, TensorType>): string | null {
  const [before, after] = [types.get(start)?.shape, types.get(end)?.shape];
  if (!before || !after) return 'its shapes cannot be told';
  const known = [before, after].map((shape) =>
    shape.map((length) => (typeof length === 'number' ? length : '?')).join('×'),
  );
  if (known[0] !== known[1]) return `it changes the shape, ${known[0]} → ${known[1]}`;
  if (end.isGraphOutput && (!start.producer || start.isGraphOutput)) return 'it computes an output from another one';
  return null;
}

/** The operand of a sum that the other one was computed from. */
function shortcutOf(a: Value, b: Value): Value {
  return dependsOn(a, b) ? b : a;
}

function dependsOn(value: Value, source: Value): boolean {
  const visited = new Set<Value>([value]);
  const waiting = [value];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next === source) return true;
    for (const input of next.producer?.inputs ?? []) {
      if (!input || visited.has(input)) continue;
      visited.add(input);
      waiting.push(input);
    }
  }
  return false;
}
