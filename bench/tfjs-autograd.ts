// Networks written by hand in TensorFlow.js and trained by its own automatic differentiation (Adam): what training graphs are compared with.
// The core alone knows no gradients: needs npm install @tensorflow/tfjs, or tfjs-node, which brings it along.
import type { Scalar, Tensor, Tensor1D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs-core';
import { loadTfjs, type Tfjs, type TfjsBackend } from '../src/engine/index.js';
import type { Subject, TransformerSize } from './training-subjects.js';

type Layer = (x: Tensor) => Tensor;

/** One step (forward, backward, Adam) of a model of the same shape as `subject`; gives the loss. */
export async function openAutogradStep(backend: TfjsBackend, subject: Subject): Promise<() => Promise<number>> {
  const tf = await loadTfjs(backend);
  if (!backend.startsWith('tfjs-node')) {
    const whole = '@tensorflow/tfjs';
    await import(whole);
  }
  const variables: Variable[] = [];
  const variable = (shape: number[], deviation: number): Tensor => {
    const made = tf.variable(tf.randomNormal(shape, 0, deviation, 'float32', variables.length + 1));
    variables.push(made);
    return made as unknown as Tensor;
  };
  const { batch } = subject;
  const loss = subject.transformer
    ? transformerLoss(tf, variable, batch, subject.transformer)
    : imageLoss(tf, batch, subject.name.startsWith('depthwise') ? depthwise(tf, variable) : resnet20(tf, variable));
  const optimizer = tf.train.adam(1e-4);
  return async () => {
    const value = optimizer.minimize(loss, true, variables) as Scalar;
    const [number] = await value.data();
    value.dispose();
    // The loss is known before the last weights are: wait for those too.
    await variables[0].data();
    return number;
  };
}

type MakeVariable = (shape: number[], deviation: number) => Tensor;

function convolution(tf: Tfjs, variable: MakeVariable, [inputs, outputs, size, stride]: readonly number[]): Layer {
  const filter = variable([size, size, inputs, outputs], Math.sqrt(2 / (size * size * inputs))) as Tensor4D;
  const bias = variable([outputs], 0);
  return (x) => tf.add(tf.conv2d(x as Tensor4D, filter, stride, 'same'), bias);
}

function resnet20(tf: Tfjs, variable: MakeVariable): Layer {
  const layers: Layer[] = [];
  const first = convolution(tf, variable, [3, 16, 3, 1]);
  layers.push((x) => tf.relu(first(x)));
  let width = 16;
  for (const wider of [16, 32, 64]) {
    for (let block = 0; block < 3; block++) {
      const stride = block === 0 && wider !== 16 ? 2 : 1;
      const a = convolution(tf, variable, [width, wider, 3, stride]);
      const b = convolution(tf, variable, [wider, wider, 3, 1]);
      const shortcut = width === wider ? null : convolution(tf, variable, [width, wider, 1, stride]);
      layers.push((x) => tf.relu(tf.add(b(tf.relu(a(x))), shortcut ? shortcut(x) : x)));
      width = wider;
    }
  }
  const last = variable([64, 10], 0.1);
  layers.push((x) => tf.matMul(tf.mean(x, [1, 2]), last));
  return (x) => layers.reduce((value, layer) => layer(value), x);
}

/** Four depthwise-separable blocks (Howard et al. 2017). */
function depthwise(tf: Tfjs, variable: MakeVariable): Layer {
  const widths = [32, 64, 128, 128, 256];
  const layers: Layer[] = [convolution(tf, variable, [3, 32, 3, 1])];
  for (let i = 0; i < 4; i++) {
    const filter = variable([3, 3, widths[i], 1], 0.3) as Tensor4D;
    const point = convolution(tf, variable, [widths[i], widths[i + 1], 1, 1]);
    layers.push((x) => tf.relu(point(tf.relu(tf.depthwiseConv2d(x as Tensor4D, filter, 1, 'same')))));
  }
  const last = variable([256, 10], 0.1);
  layers.push((x) => tf.matMul(tf.mean(x, [1, 2]), last));
  return (x) => layers.reduce((value, layer) => layer(value), x);
}

function imageLoss(tf: Tfjs, batch: number, network: Layer): () => Scalar {
  const x = tf.randomNormal([batch, 32, 32, 3]) as Tensor4D;
  const labels = tf.oneHot(tf.mod(tf.range(0, batch, 1, 'int32'), tf.scalar(10, 'int32')), 10) as Tensor;
  return () => tf.losses.softmaxCrossEntropy(labels, network(x)) as Scalar;
}

/** Layers of attention and GELU (Vaswani et al. 2017), with the norm before each (causal) or behind. */
function transformerLoss(tf: Tfjs, variable: MakeVariable, batch: number, size: TransformerSize): () => Scalar {
  const { layers, width, heads, inner, vocabulary, length, causal } = size;
  const rows = batch * length;
  const dense = (inputs: number, outputs: number): Layer => {
    const [weight, bias] = [variable([inputs, outputs], 0.02), variable([outputs], 0)];
    return (x) => tf.add(tf.matMul(x, weight), bias);
  };
  const norm = (): Layer => {
    const [scale, shift] = [variable([width], 0.02), variable([width], 0.02)];
    return (x) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), shift);
    };
  };
  const mask = causal ? tf.linalg.bandPart(tf.fill([length, length], 1), -1, 0) : null;
  const bias = mask && (tf.mul(tf.sub(mask as Tensor, 1), 1e9) as Tensor);
  const split = (x: Tensor): Tensor => tf.transpose(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
  const attention = (): Layer => {
    const [q, k, v, out] = [0, 1, 2, 3].map(() => dense(width, width));
    return (x) => {
      const scores = tf.mul(tf.matMul(split(q(x)), split(k(x)), false, true), 1 / Math.sqrt(width / heads));
      const weights = tf.softmax(bias ? tf.add(scores, bias) : scores);
      return out(tf.reshape(tf.transpose(tf.matMul(weights, split(v(x))), [0, 2, 1, 3]), [rows, width]));
    };
  };
  const feedForward = (): Layer => {
    const [up, down] = [dense(width, inner), dense(inner, width)];
    return (x) => {
      const h = up(x);
      return down(tf.mul(tf.mul(h, 0.5), tf.add(tf.erf(tf.mul(h, Math.SQRT1_2)), 1)));
    };
  };
  const residual = (branch: Layer, normalize: Layer): Layer =>
    causal ? (x) => tf.add(x, branch(normalize(x))) : (x) => normalize(tf.add(x, branch(x)));
  const stack = Array.from({ length: layers }, () => [
    residual(attention(), norm()),
    residual(feedForward(), norm()),
  ]).flat();
  const [table, positions] = [variable([vocabulary, width], 0.02), variable([length, width], 0.02)];
  const ids = tf.randomUniform([rows], 0, vocabulary, 'int32') as Tensor1D;
  const embed = (): Tensor =>
    tf.reshape(tf.add(tf.reshape(tf.gather(table, ids), [batch, length, width]) as Tensor3D, positions), [rows, width]);
  const last = norm();
  const classifier = causal ? null : variable([width, 2], 0.02);
  const labels = causal
    ? (tf.oneHot(ids, vocabulary) as Tensor)
    : (tf.oneHot(tf.mod(tf.range(0, batch, 1, 'int32'), tf.scalar(2, 'int32')), 2) as Tensor);
  return () => {
    const x = stack.reduce((value, layer) => layer(value), embed());
    const scores = classifier
      ? tf.matMul(
          tf.reshape(tf.slice(tf.reshape(x, [batch, length, width]), [0, 0, 0], [batch, 1, width]), [batch, width]),
          classifier,
        )
      : tf.matMul(last(x), table, false, true);
    return tf.losses.softmaxCrossEntropy(labels, scores) as Scalar;
  };
}
