// ResNet-20 written by hand in TensorFlow.js and trained by its own automatic differentiation: what training graphs on the same backend are compared with.
// Needs npm install @tensorflow/tfjs.
import type { Scalar, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-core';
import { loadTfjs, type TfjsBackend } from '../src/engine/index.js';

type Convolution = (x: Tensor4D) => Tensor4D;

/** One step (forward, backward, Adam) at `batch` images of 32 × 32; gives the loss. */
export async function openAutogradStep(backend: TfjsBackend, batch: number): Promise<() => Promise<number>> {
  const tf = await loadTfjs(backend);
  // The core alone knows no gradients; the whole package registers them.
  const whole = '@tensorflow/tfjs';
  await import(whole);
  const variables: Variable[] = [];
  const variable = (shape: number[], deviation: number): Variable => {
    const made = tf.variable(tf.randomNormal(shape, 0, deviation, 'float32', variables.length + 1));
    variables.push(made);
    return made;
  };
  const convolution = (inputs: number, outputs: number, size: number, stride: number): Convolution => {
    const filter = variable([size, size, inputs, outputs], Math.sqrt(2 / (size * size * inputs)));
    const bias = variable([outputs], 0);
    return (x) => tf.add(tf.conv2d(x, filter as unknown as Tensor4D, stride, 'same'), bias) as Tensor4D;
  };
  const first = convolution(3, 16, 3, 1);
  const blocks: Convolution[] = [];
  let width = 16;
  for (const wider of [16, 32, 64]) {
    for (let block = 0; block < 3; block++) {
      const stride = block === 0 && wider !== 16 ? 2 : 1;
      const [a, b] = [convolution(width, wider, 3, stride), convolution(wider, wider, 3, 1)];
      const shortcut = width === wider ? null : convolution(width, wider, 1, stride);
      blocks.push((x) => tf.relu(tf.add(b(tf.relu(a(x))), shortcut ? shortcut(x) : x)));
      width = wider;
    }
  }
  const last = variable([64, 10], 0.1);
  const x = tf.randomNormal([batch, 32, 32, 3]) as Tensor4D;
  const labels = tf.oneHot(tf.mod(tf.range(0, batch, 1, 'int32'), tf.scalar(10, 'int32')), 10) as Tensor;
  const optimizer = tf.train.adam(1e-4);
  const loss = (): Scalar => {
    const features = tf.mean(
      blocks.reduce((value, block) => block(value), tf.relu(first(x))),
      [1, 2],
    );
    return tf.losses.softmaxCrossEntropy(labels, tf.matMul(features, last as unknown as Tensor)) as Scalar;
  };
  return async () => {
    const value = optimizer.minimize(loss, true, variables) as Scalar;
    const [number] = await value.data();
    value.dispose();
    // The loss is known before the last weights are: wait for those too.
    await variables[0].data();
    return number;
  };
}
