// Losses between a student and its teacher, as graphs: softened outputs (Hinton et al. 2015), intermediate values (Romero et al. 2015), attention
// (Jiao et al. 2020) and relations between examples (Tung and Mori 2019). Each gives a scalar.
import type { Value } from '../../ir/index.js';
import { sizeOf } from '../../tensor/index.js';
import type { GraphBuilder } from '../graph-builder.js';

/** T² · mean over rows of KL(teacher ‖ student) of softmax(logits / T) along the last axis. */
export function softenedDivergence(b: GraphBuilder, student: Value, teacher: Value, temperature: number): Value {
  const [s, t] = [student, teacher].map((value) => b.softmax(b.scale(value, 1 / temperature), -1, 'LogSoftmax'));
  const perRow = b.reduce('ReduceSum', b.mul(b.unary('Exp', t), b.sub(t, s)), [b.shapeOf(t).length - 1]);
  return b.scale(b.meanAll(perRow), temperature ** 2);
}

/** Mean squared difference, relative to the mean square of the teacher's values: terms of different size weigh the same. */
export function relativeSquaredError(b: GraphBuilder, student: Value, teacher: Value): Value {
  const error = b.meanAll(b.square(b.sub(student, teacher)));
  return b.div(error, b.add(b.meanAll(b.square(teacher)), b.scalar(1e-8)));
}

/** Channels of one rank-4 or features of another value brought to another width: `projection` is [own, wanted]. */
export function project(b: GraphBuilder, value: Value, projection: Value): Value {
  const shape = b.shapeOf(value);
  if (shape.length !== 4) return b.matMul(value, projection);
  const last = b.transpose(value, [0, 2, 3, 1]);
  return b.transpose(b.matMul(last, projection), [0, 3, 1, 2]);
}

/** KL of attention distributions [n, heads, queries, keys]; averaged over heads where their numbers differ. */
export function attentionDivergence(b: GraphBuilder, student: Value, teacher: Value): Value {
  const same = b.shapeOf(student)[1] === b.shapeOf(teacher)[1];
  const [s, t] = [student, teacher].map((value) => (same ? value : b.reduce('ReduceMean', value, [1])));
  const log = (value: Value): Value => b.unary('Log', b.add(value, b.scalar(1e-8)));
  const perRow = b.reduce('ReduceSum', b.mul(t, b.sub(log(t), log(s))), [b.shapeOf(t).length - 1]);
  return b.meanAll(perRow);
}

/** Squared difference of the cosine similarities between the examples of a batch. */
export function similarityError(b: GraphBuilder, student: Value, teacher: Value): Value {
  const [s, t] = [student, teacher].map((value) => {
    const [n, ...rest] = b.shapeOf(value);
    const rows = b.reshape(value, [n, sizeOf(rest)]);
    const length = b.unary('Sqrt', b.add(b.reduce('ReduceSum', b.square(rows), [1], { keep: true }), b.scalar(1e-8)));
    const units = b.div(rows, length);
    return b.matMul(units, b.transpose(units, [1, 0]));
  });
  return b.meanAll(b.square(b.sub(s, t)));
}
