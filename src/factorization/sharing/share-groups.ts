// Which matrix products share a basis: those of the same input, and those of the same role in neighbouring blocks. Roles are told by name without
// its numbers (`layer.3/attention/query` and `layer.4/attention/query`) and by the shape of the weight.
import type { Model, Value } from '../../ir/index.js';
import type { Candidate } from '../ranks/candidates.js';

export function shareGroups(candidates: readonly Candidate[], model: Model, blocks: number): Candidate[][] {
  const order = new Map([...model.graph.nodes()].map((node, index) => [node, index]));
  const sorted = candidates
    .filter(({ operator }) => order.has(operator.node))
    .sort((a, b) => order.get(a.operator.node)! - order.get(b.operator.node)!);
  // Products of one input first: they are one member each of a row of blocks.
  const byInput = new Map<Value, Candidate[]>();
  for (const candidate of sorted) {
    const { input } = candidate.operator;
    byInput.set(input, [...(byInput.get(input) ?? []), candidate]);
  }
  const byRole = new Map<string, Candidate[][]>();
  for (const together of byInput.values()) {
    const role = JSON.stringify(
      together.map(({ operator: { node, weight, rowLength, outputChannels } }) => [
        (node.name || weight.value.name).replace(/\d+/g, '#'),
        rowLength,
        outputChannels,
      ]),
    );
    byRole.set(role, [...(byRole.get(role) ?? []), together]);
  }
  return [...byRole.values()].flatMap((row) =>
    Array.from({ length: Math.ceil(row.length / blocks) }, (_, index) =>
      row.slice(index * blocks, (index + 1) * blocks).flat(),
    ),
  );
}
