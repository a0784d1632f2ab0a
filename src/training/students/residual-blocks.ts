// The repeated blocks of a residual network that can be left out: from one sum of the residual stream to a later one of the same shape.
import type { Engine } from '../../engine/index.js';
import type { Model, Value } from '../../ir/index.js';
import { findAttention, findResidualSums } from '../residual-values.js';

export interface ResidualBlock {
  /** The stream before and behind the block, by the names of values. */
  readonly from: string;
  readonly to: string;
}

/** Blocks in order: a transformer's consist of attention and what follows it, others of one residual branch. Those that change the shape are left out. */
export async function findResidualBlocks(model: Model, engine: Engine): Promise<ResidualBlock[]> {
  const sums = findResidualSums(model.graph);
  if (sums.length === 0) return [];
  const attentions = findAttention(model.graph).length;
  const perBlock = attentions > 0 ? Math.max(1, Math.round(sums.length / attentions)) : 1;
  const ends = sums.filter((_, index) => (index + 1) % perBlock === 0).map((node) => node.output);
  const stream = [shortcutOf(sums[0].inputs[0]!, sums[0].inputs[1]!), ...ends];
  const types = await engine.inferTypes(model);
  const shapeOf = (value: Value): string => JSON.stringify(types.get(value)?.shape ?? null);
  return ends.flatMap((end, index) => {
    const start = stream[index];
    if (shapeOf(start) === 'null' || shapeOf(start) !== shapeOf(end)) return [];
    return [{ from: start.name, to: end.name }];
  });
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
