// Normalizations: per channel over positions (BatchNormalization, InstanceNormalization), over groups of channels, or over the channels
// themselves, which then must stay: a mean over fewer channels is another mean.
import type { Node } from '../../../ir/index.js';
import { intAttribute } from '../../../ir/index.js';
import type { Relations } from '../relations.js';
import { labelOf, type OperatorRule } from '../rule.js';
import { alignTrailing } from './elementwise.js';

/** Axis 1 carries the channels, and every further input has one number for each. */
export const perChannel: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    if (!input || input.length < 2) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    alignTrailing(node, relations, [0], [0]);
    for (let index = 1; index < node.inputs.length; index++)
      relations.tie(relations.operand(node, index)?.[0], input[1]);
    for (let index = 1; index < node.outputs.length; index++) {
      relations.freezeAll(relations.result(node, index), `an output of ${labelOf(node)} in training`);
    }
    if (node.is('InstanceNormalization')) relations.freezeAll(input.slice(2), `${labelOf(node)} normalizes over it`);
  },
};

/** GroupNormalization: num_groups groups of channels, each normalized as a whole. */
export const groupNormalization: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const group = node.attributes.int('num_groups', 1);
    const channels = input?.[1]?.length ?? null;
    if (!input || channels === null || channels % group !== 0) {
      relations.freezeNode(node, `${labelOf(node)} has groups of unknown size`);
      return;
    }
    alignTrailing(node, relations, [0], [0]);
    relations.freezeAll(input.slice(2), `${labelOf(node)} normalizes over it`);
    const groups = relations.part(`groups of ${labelOf(node)}`, group);
    const inner = relations.part(`channels in the groups of ${labelOf(node)}`, channels / group);
    relations.freeze(inner, `${labelOf(node)} normalizes over it`);
    relations.compose(input[1], [groups, inner], node);
    for (const index of [1, 2]) {
      const parameters = relations.operand(node, index)?.[0];
      relations.tie(parameters, parameters?.length === group ? groups : input[1]);
    }
  },
  rewrite(node, kept) {
    const channels = kept.relations.operand(node, 0)?.[1];
    if (!channels) return;
    const group = node.attributes.int('num_groups', 1);
    const left = (kept.count(channels) * group) / channels.length!;
    if (left !== group) node.attributes.set('num_groups', intAttribute(left));
  },
};

/** Operators that need all of some axes at once; the other axes pass. */
function over(axesOf: (node: Node, rank: number, relations: Relations) => readonly number[] | null): OperatorRule {
  return {
    relate(node, relations) {
      const input = relations.operand(node, 0);
      const wanted = input && axesOf(node, input.length, relations);
      if (!input || !wanted) {
        relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
        return;
      }
      alignTrailing(node, relations, [0], [0]);
      for (let index = 1; index < node.inputs.length; index++) {
        relations.freezeAll(relations.operand(node, index), `a parameter of ${labelOf(node)}`);
      }
      for (let index = 1; index < node.outputs.length; index++) {
        relations.freezeAll(relations.result(node, index), `a statistic of ${labelOf(node)}`);
      }
      for (const axis of wanted)
        relations.freeze(input.at(axis), `${labelOf(node)} normalizes over ${input.at(axis)?.place}`);
    },
  };
}

function from(axis: number, rank: number): number[] {
  const first = axis < 0 ? axis + rank : axis;
  return Array.from({ length: Math.max(rank - first, 0) }, (_, index) => first + index);
}

/** LayerNormalization, RMSNormalization: all axes from `axis` on. */
export const overTrailing = over((node, rank) => from(node.attributes.int('axis', -1), rank));

/** com.microsoft SkipLayerNormalization and SkipSimplifiedLayerNormalization: the sum of two inputs (output 3), normalized over the last axis. */
export const skipNormalization: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    if (!input) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    alignTrailing(node, relations, [0, 1], [0, 3]);
    for (let index = 2; index < node.inputs.length; index++)
      relations.freezeAll(relations.operand(node, index), `a parameter of ${labelOf(node)}`);
    for (const index of [1, 2]) relations.freezeAll(relations.result(node, index), `a statistic of ${labelOf(node)}`);
    relations.freeze(input.at(-1), `${labelOf(node)} normalizes over ${input.at(-1)?.place}`);
  },
};

/** Softmax and its kind: the one axis since opset 13, before that all from `axis` on. */
export const overAxis = over((node, rank, { model }) =>
  node.is('Softmax', 'LogSoftmax', 'Hardmax') && model.opsetOf(node) < 13
    ? from(node.attributes.int('axis', 1), rank)
    : [node.attributes.int('axis', -1)],
);

export const overChannels = over((_node, rank) => (rank > 1 ? [1] : null));
