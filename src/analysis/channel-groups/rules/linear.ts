// Operators that multiply with weights: Conv, ConvTranspose, Gemm, MatMul, Einsum. Each coordinate of a result's channels comes from one
// coordinate of the weights, and sums run over channels of the input.
import { intAttribute, type Node } from '../../../ir/index.js';
import type { Axis } from '../axis.js';
import type { Relations } from '../relations.js';
import { type Kept, labelOf, type OperatorRule } from '../rule.js';

/** Conv [N, C, …] with W [M, C / group, …]; ConvTranspose with W [C, M / group, …]. */
export const convolution: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const weight = relations.operand(node, 1);
    const output = relations.result(node);
    if (!input || !weight || !output || input.length !== weight.length || weight.length < 2) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    relations.tie(input[0], output[0]);
    const positions = [...input.slice(2), ...weight.slice(2), ...output.slice(2)];
    relations.freezeAll(positions, `a position in ${labelOf(node)}`);
    const bias = relations.operand(node, 2);
    if (bias) relations.tie(bias[0], output[1]);
    const transposed = node.opType === 'ConvTranspose';
    const group = node.attributes.int('group', 1);
    if (group === 1) {
      relations.produce(weight[transposed ? 1 : 0], output[1]);
      relations.contract(input[1], weight[transposed ? 0 : 1]);
      return;
    }
    relateGroups(node, relations, { input: input[1], output: output[1], weight, group, transposed });
  },
  rewrite(node, kept) {
    const group = node.attributes.int('group', 1);
    const groups = group > 1 ? keptGroups(node, kept, group) : group;
    if (groups !== group) node.attributes.set('group', intAttribute(groups));
  },
};

interface Grouped {
  readonly input: Axis;
  readonly output: Axis;
  readonly weight: readonly Axis[];
  readonly group: number;
  readonly transposed: boolean;
}

/** Channels are groups of channels: a group can go as a whole, or every group loses the channel at the same place. */
function relateGroups(node: Node, relations: Relations, { input, output, weight, group, transposed }: Grouped): void {
  if (input.length === null || output.length === null || input.length % group !== 0 || output.length % group !== 0) {
    relations.freezeNode(node, `${labelOf(node)} has groups of unknown size`);
    return;
  }
  const groups = relations.part(`groups of ${labelOf(node)}`, group);
  const ins = relations.part(`channels in the groups of ${labelOf(node)}`, input.length / group);
  const outs = relations.part(`channels in the groups of ${labelOf(node)}`, output.length / group);
  relations.compose(input, [groups, ins], node, 'innermost');
  relations.compose(output, [groups, outs], node, 'innermost');
  const [made, summed] = transposed ? [1, 0] : [0, 1];
  if (transposed) {
    relations.compose(weight[0], [groups, ins], node, 'innermost');
    relations.tie(weight[1], outs);
  } else {
    relations.compose(weight[0], [groups, outs], node, 'innermost');
    relations.tie(weight[1], ins);
  }
  // A depthwise convolution neither makes channels nor sums over them.
  if (ins.length === 1) return;
  relations.roles.set(weight[made], 'produced');
  relations.roles.set(weight[summed], 'contracted');
}

/** Groups that are left; where channels went from within the groups, all are. */
function keptGroups(node: Node, kept: Kept, group: number): number {
  const weight = kept.relations.operand(node, 1) ?? [];
  const input = kept.relations.operand(node, 0) ?? [];
  // Channels a group takes: for Conv the length of the second axis of W, for ConvTranspose that of the input over the groups.
  if (node.opType === 'Conv') return kept.count(input[1]) / kept.count(weight[1]);
  const perGroup = kept.count(weight[1]);
  const output = kept.relations.result(node) ?? [];
  return perGroup > 0 ? kept.count(output[1]) / perGroup : group;
}

/** Y = alpha · A' · B' + beta · C. */
export const gemm: OperatorRule = {
  relate(node, relations) {
    const a = relations.operand(node, 0);
    const b = relations.operand(node, 1);
    const output = relations.result(node);
    if (!a || !b || !output) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    const transA = node.attributes.int('transA', 0) !== 0;
    const transB = node.attributes.int('transB', 0) !== 0;
    relations.produce(a[transA ? 1 : 0], output[0]);
    relations.contract(a[transA ? 0 : 1], b[transB ? 1 : 0]);
    relations.produce(b[transB ? 0 : 1], output[1]);
    const c = relations.operand(node, 2) ?? [];
    for (let back = 1; back <= c.length; back++) {
      const axis = c.at(-back)!;
      const target = output.at(-back);
      if (axis.length === 1 && target?.length !== 1) relations.freeze(axis, `${labelOf(node)} repeats its bias`);
      else relations.tie(axis, target);
    }
  },
};

/** [..., m, k] · [..., k, n], vectors as in numpy.matmul. */
export const matmul: OperatorRule = {
  relate(node, relations) {
    const a = turned(relations.operand(node, 0), node.attributes.int('transA', 0));
    const b = turned(relations.operand(node, 1), node.attributes.int('transB', 0));
    if (node.attributes.int('transBatchA', 0) !== 0 || node.attributes.int('transBatchB', 0) !== 0) {
      relations.freezeNode(node, `${labelOf(node)} turns its batch`);
      return;
    }
    const output = relations.result(node);
    if (!a || !b || !output || a.length === 0 || b.length === 0) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    relations.contract(a.at(-1), b.length > 1 ? b.at(-2) : b[0]);
    const rows = a.length > 1 ? 1 : 0;
    const columns = b.length > 1 ? 1 : 0;
    if (columns) relations.produce(b.at(-1), output.at(-1));
    if (rows) relations.produce(a.at(-2), output.at(-1 - columns));
    const batch = output.slice(0, output.length - rows - columns);
    for (let back = 1; back <= batch.length; back++) {
      for (const axis of [a.slice(0, -2).at(-back), b.slice(0, -2).at(-back)]) {
        if (!axis) continue;
        const target = batch.at(-back)!;
        if (axis.length === 1 && target.length !== 1) relations.freeze(axis, `${labelOf(node)} repeats ${axis.place}`);
        else relations.tie(axis, target);
      }
    }
  },
};

/** com.microsoft FusedMatMul turns the last two axes of its operands. */
function turned(axes: readonly Axis[] | null, transposed: number): readonly Axis[] | null {
  if (!axes || transposed === 0 || axes.length < 2) return axes;
  return [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
}

/** Sums of products over the labels that the result lacks. */
export const einsum: OperatorRule = {
  relate(node, relations) {
    const [left, right] = node.attributes.string('equation', '').replaceAll(' ', '').split('->');
    const terms = left.split(',');
    const sides = [...terms.map((_, index) => relations.operand(node, index)), relations.result(node)];
    const labels = [...terms, right ?? ''];
    const readable =
      right !== undefined && labels.every((term, at) => sides[at]?.length === term.length && !term.includes('.'));
    if (!readable || labels.some((term) => new Set(term).size < term.length)) {
      relations.freezeNode(node, `the equation of ${labelOf(node)} is not understood`);
      return;
    }
    const axes = new Map<string, Axis[]>();
    for (const [at, term] of labels.entries()) {
      for (const [position, label] of [...term].entries()) {
        axes.set(label, [...(axes.get(label) ?? []), sides[at]![position]]);
      }
    }
    for (const [label, [first, ...others]] of axes) {
      for (const other of others) relations.tie(first, other);
      if (right.includes(label)) continue;
      if (others.length === 0) relations.freeze(first, `${labelOf(node)} sums over it`);
      for (const axis of [first, ...others]) relations.roles.set(axis, 'contracted');
    }
  },
};
