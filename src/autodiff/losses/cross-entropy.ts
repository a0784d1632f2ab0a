// Cross-entropy with right answers, as a graph.
import { intAttribute, type Value } from '../../ir/index.js';
import { sizeOf } from '../../tensor/index.js';
import type { GraphBuilder } from '../graph-builder.js';

/** Mean over the answers that are not negative. `labels`: int64 [rows]; `logits`: [..., classes] of as many rows. */
export function crossEntropy(b: GraphBuilder, logits: Value, labels: Value): Value {
  const shape = b.shapeOf(logits);
  const classes = shape[shape.length - 1];
  const rows = sizeOf(shape) / classes;
  const logProbabilities = b.softmax(b.reshape(logits, [rows, classes]), -1, 'LogSoftmax');
  const column = b.reshape(labels, [rows, 1]);
  const counted = b.cast(b.binary('GreaterOrEqual', column, b.ints([0])), 'float32');
  const index = b.op('Max', [column, b.ints([0])], [rows, 1]);
  const chosen = b.op('GatherElements', [logProbabilities, index], [rows, 1], {
    attributes: { axis: intAttribute(1) },
  });
  const total = b.op('Max', [b.sumAll(counted), b.scalar(1)], []);
  return b.neg(b.div(b.sumAll(b.mul(chosen, counted)), total));
}
