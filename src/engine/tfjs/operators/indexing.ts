// Operators that pick or place elements by index.
import { unsupportedModel } from '../../../errors.js';
import type { Tfjs, TfTensor } from '../backend.js';
import { type OperatorContext, type OperatorTable, resolveAxis } from '../operator.js';

type Tensor1D = import('@tensorflow/tfjs-core').Tensor1D;

export const indexingOperators: OperatorTable = {
  Gather: ({ tf, input, node }) => {
    const x = input(0);
    const axis = resolveAxis(node.attributes.int('axis', 0), x.rank);
    return tf.gather(x, positive(tf, input(1), x.shape[axis]), axis);
  },
  GatherElements: (context) => {
    const { tf, input } = context;
    const places = flatPlaces(context, input(1));
    return tf.reshape(tf.gather(tf.reshape(input(0), [-1]), places), input(1).shape);
  },
  ScatterElements: (context) => {
    const { tf, input, node } = context;
    const data = input(0);
    const places = tf.reshape(flatPlaces(context, input(1)), [-1, 1]);
    const updates = tf.reshape(input(2), [-1]);
    const flat = tf.reshape(data, [-1]);
    return tf.reshape(place(tf, flat, places, updates, node.attributes.string('reduction', 'none')), data.shape);
  },
  GatherND: ({ tf, input, node }) => {
    if (node.attributes.int('batch_dims', 0) !== 0)
      throw unsupportedModel('GatherND with batch axes is not known to tfjs');
    return tf.gatherND(input(0), tf.cast(input(1), 'int32'));
  },
  ScatterND: ({ tf, input, node }) => {
    const data = input(0);
    const indices = tf.cast(input(1), 'int32');
    return place(tf, data, indices, input(2), node.attributes.string('reduction', 'none'));
  },
  OneHot: ({ tf, input, numbers, node }) => {
    const depth = numbers(1)?.[0] ?? 0;
    const [off, on] = numbers(2) ?? [0, 1];
    const rank = input(0).rank + 1;
    const axis = resolveAxis(node.attributes.int('axis', -1), rank);
    const last = tf.oneHot(positive(tf, input(0), depth), depth, on, off);
    const order = Array.from({ length: rank - 1 }, (_, i) => i);
    order.splice(axis, 0, rank - 1);
    return tf.cast(tf.transpose(last, order), 'float32');
  },
};

/** `updates` put at `indices` of `data`, or added to what is there. */
function place(tf: Tfjs, data: TfTensor, indices: TfTensor, updates: TfTensor, reduction: string): TfTensor {
  if (reduction === 'add') return tf.add(data, tf.scatterND(indices, updates, data.shape as [number]));
  if (reduction !== 'none') throw unsupportedModel(`Scattering with ${reduction} is not known to tfjs`);
  return tf.tensorScatterUpdate(data, indices, updates);
}

/** Negative indices count from the end. */
function positive(tf: Tfjs, indices: TfTensor, length: number): TfTensor {
  const whole = tf.cast(indices, 'int32');
  return tf.where(tf.less(whole, tf.scalar(0, 'int32')), tf.add(whole, tf.scalar(length, 'int32')), whole);
}

/** For GatherElements and ScatterElements: where in the flat data each element of `indices` [same rank] points, as one axis. */
function flatPlaces({ tf, input, node }: OperatorContext, indices: TfTensor): Tensor1D {
  const { shape, rank } = input(0);
  const axis = resolveAxis(node.attributes.int('axis', 0), rank);
  const strides = new Array<number>(rank);
  for (let i = rank - 1, stride = 1; i >= 0; stride *= shape[i--]) strides[i] = stride;
  let places = tf.mul(positive(tf, indices, shape[axis]), tf.scalar(strides[axis], 'int32'));
  for (let i = 0; i < rank; i++) {
    if (i === axis || indices.shape[i] === 1) continue;
    const counter = tf.mul(tf.range(0, indices.shape[i], 1, 'int32'), tf.scalar(strides[i], 'int32'));
    places = tf.add(
      places,
      tf.reshape(
        counter,
        Array.from({ length: rank }, (_, j) => (j === i ? indices.shape[i] : 1)),
      ),
    );
  }
  return tf.reshape(places, [-1]) as Tensor1D;
}
