// Matrix products.
import type { Tfjs, TfTensor } from '../backend.js';
import type { OperatorContext, OperatorTable } from '../operator.js';

export const productOperators: OperatorTable = {
  MatMul: ({ tf, input }) => {
    const [a, b] = [input(0), input(1)];
    // A product of many rows with one matrix is one product of two axes.
    if (b.rank === 2 && a.rank > 2) {
      const rows = tf.reshape(a, [-1, a.shape[a.rank - 1]]);
      return tf.reshape(tf.matMul(rows, b), [...a.shape.slice(0, -1), b.shape[b.rank - 1]]);
    }
    if (a.rank >= 2 && b.rank >= 2) {
      // Not every backend broadcasts where both sides have to be.
      const batch = broadcastBatch(a.shape, b.shape);
      return tf.matMul(withBatch(tf, a, batch), withBatch(tf, b, batch));
    }
    const left = a.rank === 1 ? tf.reshape(a, [1, -1]) : a;
    const right = b.rank === 1 ? tf.reshape(b, [-1, 1]) : b;
    const product = tf.matMul(left, right);
    return tf.squeeze(product, [
      ...(a.rank === 1 ? [product.rank - 2] : []),
      ...(b.rank === 1 ? [product.rank - 1] : []),
    ]);
  },
  Gemm: gemm,
};

function broadcastBatch(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length) - 2;
  const at = (shape: readonly number[], axis: number): number => shape[shape.length - 2 - rank + axis] ?? 1;
  return Array.from({ length: rank }, (_, axis) => Math.max(at(a, axis), at(b, axis)));
}

function withBatch(tf: Tfjs, x: TfTensor, batch: readonly number[]): TfTensor {
  const shape = [...batch, ...x.shape.slice(-2)];
  if (x.size === shape.reduce((product, length) => product * length, 1)) return tf.reshape(x, shape);
  return tf.broadcastTo(x, shape);
}

function gemm({ tf, input, inputs, node }: OperatorContext): TfTensor {
  const { attributes } = node;
  const [alpha, beta] = [attributes.float('alpha', 1), attributes.float('beta', 1)];
  const product = tf.matMul(
    input(0) as import('@tensorflow/tfjs-core').Tensor2D,
    input(1) as import('@tensorflow/tfjs-core').Tensor2D,
    attributes.int('transA', 0) !== 0,
    attributes.int('transB', 0) !== 0,
  );
  const scaled = alpha === 1 ? product : tf.mul(product, alpha);
  const c = inputs[2];
  if (!c || beta === 0) return scaled;
  return tf.add(scaled, beta === 1 ? c : tf.mul(c, beta));
}
