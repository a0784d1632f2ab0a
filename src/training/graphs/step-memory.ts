// What one step of a training holds at once, from the graph alone: values live from the node that computes them to the last one that reads them.
import type { Graph, Value } from '../../ir/index.js';

/** Of every element: float32, which nearly all are. */
const elementBytes = 4;

/** The most bytes of inputs, values and outputs that are alive at once when nodes run in their order. `shapes`: of every value. */
export function peakBytes(graph: Graph, shapes: ReadonlyMap<Value, readonly number[]>): number {
  const size = (value: Value): number => elementBytes * (shapes.get(value) ?? []).reduce((a, b) => a * b, 1);
  const lastUse = new Map<Value, number>();
  const nodes = [...graph.nodes()];
  for (const [position, { inputs }] of nodes.entries()) {
    for (const input of inputs) if (input?.producer && !input.isGraphOutput) lastUse.set(input, position);
  }
  let alive = [...graph.inputs, ...graph.initializers].reduce((sum, value) => sum + size(value), 0);
  let most = alive;
  for (const [position, node] of nodes.entries()) {
    for (const output of node.outputs) if (output) alive += size(output);
    most = Math.max(most, alive);
    const finished = [...node.inputs, ...node.outputs].filter(
      (value): value is Value => value !== null && isFinished(value, position, lastUse),
    );
    for (const value of new Set(finished)) alive -= size(value);
  }
  return most;
}

function isFinished(value: Value, position: number, lastUse: ReadonlyMap<Value, number>): boolean {
  if (!value.producer || value.isGraphOutput) return false;
  const last = lastUse.get(value);
  return last === undefined || last === position;
}
