// LSTM, GRU and RNN: gates are stacked along the hidden axis of W [directions, gates·H, input], R [directions, gates·H, H] and
// B [directions, 2·gates·H], so a hidden unit is one coordinate of each gate, and R sums over the units.
import { intAttribute } from '../../../ir/index.js';
import { labelOf, type OperatorRule } from '../rule.js';

const gates: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };

export const recurrent: OperatorRule = {
  relate(node, relations) {
    const count = gates[node.opType];
    const [x, w, r, b, , h0, c0, p] = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => relations.operand(node, index));
    const hidden = r?.[2]?.length ?? null;
    if (!x || !w || !r || hidden === null || node.attributes.int('layout', 0) !== 0) {
      relations.freezeNode(node, `the shapes of ${labelOf(node)} are not understood`);
      return;
    }
    relations.freezeAll(
      [...x.slice(0, 2), ...(relations.operand(node, 4) ?? [])],
      `a step or sequence of ${labelOf(node)}`,
    );
    const label = labelOf(node);
    const unit = relations.part(`units of ${label}`, hidden);
    const gate = (times: number) => {
      const axis = relations.part(`gates of ${label}`, times);
      relations.freeze(axis, `${label} needs all of its gates`);
      return axis;
    };
    relations.contract(x[2], w[2]);
    relations.contract(r[2], unit);
    relations.compose(w[1], [gate(count), unit], node);
    relations.compose(r[1], [gate(count), unit], node);
    relations.roles.set(w[1], 'produced');
    if (b) relations.compose(b[1], [gate(2 * count), unit], node);
    if (p) relations.compose(p[1], [gate(3), unit], node);
    const ends = [h0, c0, relations.result(node, 0), relations.result(node, 1), relations.result(node, 2)];
    for (const axes of ends) if (axes) relations.tie(axes.at(-1), unit);
    for (const axes of [w, r, h0, c0, ...ends]) relations.freeze(axes?.at(-3), `a direction of ${label}`);
    for (const axes of [b, p]) relations.freeze(axes?.[0], `a direction of ${label}`);
  },
  rewrite(node, kept) {
    const recurrence = kept.relations.operand(node, 2) ?? [];
    if (kept.of(recurrence[2])) node.attributes.set('hidden_size', intAttribute(kept.count(recurrence[2])));
  },
};
