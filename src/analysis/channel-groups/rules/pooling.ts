// Pooling, resizing and reductions: positions are mixed and stay, channels pass.
import type { Axis } from '../axis.js';
import type { Relations } from '../relations.js';
import { labelOf, type OperatorRule } from '../rule.js';
import { canRewrite, rewriteEntries } from '../shape-entries.js';

/** [N, C, positions…] to [N, C, other positions…]. */
export const pooling: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const output = relations.result(node);
    if (!input || !output || input.length !== output.length) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    relations.tie(input[0], output[0]);
    relations.tie(input[1], output[1]);
    relations.freezeAll([...input.slice(2), ...output.slice(2)], `a position in ${labelOf(node)}`);
    for (let index = 1; index < node.inputs.length; index++) {
      relations.freezeAll(relations.operand(node, index), `a setting of ${labelOf(node)}`);
    }
    if (node.outputs[1]?.isUsed) relations.freezeNode(node, `${labelOf(node)} gives positions within all channels`);
  },
};

/** Resize, Upsample: axes that keep their length pass. */
export const resize: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const output = relations.result(node);
    if (!input || !output || input.length !== output.length) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    for (let index = 1; index < node.inputs.length; index++) {
      relations.freezeAll(relations.operand(node, index), `a setting of ${labelOf(node)}`);
    }
    if (node.attributes.has('axes')) {
      relations.freezeNode(node, `${labelOf(node)} names its axes`);
      return;
    }
    for (const [at, axis] of input.entries()) {
      const kept = axis.length !== null && axis.length === output[at].length && at < 2;
      if (!kept) relations.freezeAll([axis, output[at]], `a position in ${labelOf(node)}`);
      else relateKept(axis, output[at], at);
    }
    function relateKept(axis: Axis, result: Axis, at: number): void {
      relations.tie(axis, result);
      const sizes = node.input(3) ?? null;
      const entry = sizes && (relations.shapes.of(sizes)?.[at] ?? { kind: 'unknown' as const });
      if (entry?.kind === 'axis')
        relations.mustMatch(entry.axis, result, `${labelOf(node)} takes its length from elsewhere`);
      else if (entry && !canRewrite(relations.shapes, sizes, at))
        relations.freeze(axis, `the sizes of ${labelOf(node)} are computed`);
    }
  },
  rewrite(node, kept) {
    const output = kept.relations.result(node) ?? [];
    const sizes = node.input(3);
    if (!sizes) return;
    const changes = new Map<number, number>();
    for (const [at, axis] of output.entries()) {
      if (kept.of(axis) && canRewrite(kept.relations.shapes, sizes, at)) changes.set(at, kept.count(axis));
    }
    rewriteEntries(node, 3, changes, kept.relations.shapes);
  },
};

/** Reductions: what is reduced stays, what is not passes. */
export const reduction: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const output = relations.result(node);
    if (!input || !output) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    const axes = reducedAxes(node, input.length, relations);
    if (node.input(1)) relations.freezeAll(relations.operand(node, 1), `a setting of ${labelOf(node)}`);
    if (axes === null) {
      relations.freezeNode(node, `the axes of ${labelOf(node)} are computed`);
      return;
    }
    const keeps = node.attributes.int('keepdims', 1) !== 0;
    let next = 0;
    for (const [at, axis] of input.entries()) {
      if (!axes.has(at)) relations.tie(axis, output[next]);
      else {
        relations.freeze(axis, `${labelOf(node)} reduces ${axis.place}`);
        if (keeps) relations.freeze(output[next], `${labelOf(node)} reduces ${axis.place}`);
      }
      if (keeps || !axes.has(at)) next++;
    }
  },
};

function reducedAxes(
  node: Parameters<OperatorRule['relate']>[0],
  rank: number,
  relations: Relations,
): Set<number> | null {
  const single = node.is('ArgMax', 'ArgMin');
  let axes: readonly number[] | null = node.attributes.ints('axes');
  if (single) axes = [node.attributes.int('axis', 0)];
  else if (node.input(1)) {
    axes = relations.numbers(node.input(1));
    if (axes === null) return null;
  }
  if (!single && (axes === null || axes.length === 0)) {
    axes = node.attributes.int('noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, at) => at);
  }
  return new Set(axes!.map((axis) => (axis < 0 ? axis + rank : axis)));
}
