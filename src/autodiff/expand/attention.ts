// com.microsoft::Attention as projections, scaled dot products and Softmax (Vaswani et al. 2017). Without past state; with a mask of key
// positions or none.
import type { Value } from '../../ir/index.js';
import { hideLater, keyMask } from './attention-heads.js';
import type { Expansion } from './index.js';

export const expandAttention: Expansion = (node, b) => {
  const [x, weights] = [node.inputs[0]!, node.inputs[1]!];
  const obstacles =
    [4, 5, 6].some((index) => node.input(index)) ||
    node.outputs[1]?.isUsed ||
    node.attributes.int('do_rotary', 0) === 1;
  const mask = node.input(3);
  if (obstacles || (mask && b.shapeOf(mask).length !== 2)) return null;
  const [n, length] = b.shapeOf(x);
  const heads = node.attributes.int('num_heads', 1);
  const total = b.shapeOf(weights)[1];
  const sizes = node.attributes.ints('qkv_hidden_sizes') ?? [total / 3, total / 3, total / 3];
  const bias = node.input(2);
  const product = b.matMul(x, weights);
  const projected = bias ? b.add(product, bias) : product;
  const part = (index: number): Value => {
    const start = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    const own = b.slice(projected, 2, start, start + sizes[index]);
    return b.transpose(b.reshape(own, [n, length, heads, sizes[index] / heads]), [0, 2, 1, 3]);
  };
  const [q, k, v] = [part(0), part(1), part(2)];
  const scale = node.attributes.float('scale', 0) || 1 / Math.sqrt(sizes[0] / heads);
  const filter = node.attributes.float('mask_filter_value', -10000);
  let scores = b.scale(b.matMul(q, b.transposeLast(k)), scale);
  if (mask) scores = b.add(scores, keyMask(b, mask, filter));
  if (node.attributes.int('unidirectional', 0) === 1) scores = hideLater(b, scores, filter);
  const context = b.transpose(b.matMul(b.softmax(scores, -1), v), [0, 2, 1, 3]);
  return [b.reshape(context, [n, length, sizes[2]]), null];
};
