// A loss that needs no right answers: how sure a model is of the classes that it finds likeliest itself.
import { crossEntropy, type GraphBuilder } from '../../autodiff/index.js';
import { intAttribute, type Value } from '../../ir/index.js';

/** Cross-entropy with the likeliest class of every row. */
export function ownLoss(b: GraphBuilder, logits: Value): Value {
  const shape = b.shapeOf(logits);
  const rows = shape.slice(0, -1).reduce((x, y) => x * y, 1);
  const attributes = { axis: intAttribute(-1), keepdims: intAttribute(0) };
  const likeliest = b.op('ArgMax', [logits], shape.slice(0, -1), { attributes });
  return b.scale(crossEntropy(b, logits, b.reshape(likeliest, [rows])), rows);
}
