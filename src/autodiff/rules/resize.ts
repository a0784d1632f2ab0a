// The gradient of Resize. Resizing is linear and goes axis by axis, so along each axis it is a matrix: Resize of the identity, which the
// engine computes once. The gradient is multiplied by the transposed matrix.

import type { Value } from '../../ir/index.js';
import { float32Tensor } from '../../tensor/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import type { GradientContext, NodeFacts, RuleTable } from '../rule.js';

export const resizeRules: RuleTable = {
  Resize: { obstacle: resizeObstacle, gradients: resizeGradients },
};

function resizeObstacle({ node, shapeOf, constant }: NodeFacts): string | null {
  const mode = node.attributes.string('coordinate_transformation_mode', 'half_pixel');
  if (mode === 'tf_crop_and_resize') return 'it crops';
  if (node.attributes.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    return 'it keeps the ratio of its axes';
  if (node.input(2) && !constant(2) && node.input(3) === null) return 'its scales are computed';
  const [before, after] = [node.inputs[0]!, node.output].map(shapeOf);
  return before.length > 1 && before[0] !== after[0] ? 'it resizes the batch' : null;
}

function resizeGradients(context: GradientContext): Value[] {
  const { builder: b, node, upstream, input, shapeOf } = context;
  const shape = shapeOf(input(0));
  const out = shapeOf(node.output);
  let gradient = upstream;
  for (const [axis, length] of shape.entries()) {
    if (length === out[axis]) continue;
    const order = [...shape.keys()];
    [order[axis], order[shape.length - 1]] = [shape.length - 1, axis];
    const matrix = resizedIdentity(context, axis, length, out[axis]);
    gradient = b.transpose(b.matMul(b.transpose(gradient, order), b.transposeLast(matrix)), order);
  }
  return [gradient];
}

/** Row i is what element i of the axis becomes: [length, resized]. */
function resizedIdentity(
  { builder: b, node, constant, shapeOf, input }: GradientContext,
  axis: number,
  length: number,
  resized: number,
): Value {
  const rank = shapeOf(input(0)).length;
  const values = new Float32Array(length * length);
  for (let i = 0; i < length; i++) values[i * length + i] = 1;
  const along = (n: number): number[] =>
    Array.from({ length: rank }, (_, i) => (i === 0 ? length : i === axis ? n : 1));
  const identity = b.constant(float32Tensor(along(length), values));
  const scales = constant(2)?.readFloat32();
  const axes = node.attributes.ints('axes')?.map((own) => (own + rank) % rank);
  const scale = scales?.[axes ? axes.indexOf(axis) : axis];
  const operands: (Value | null)[] =
    scales && scales.length > 0
      ? [
          identity,
          null,
          vector(
            b,
            along(1).map((_, i) => (i === axis ? scale! : 1)),
          ),
        ]
      : [identity, null, null, b.ints(along(resized))];
  // Scales and sizes are given for every axis.
  const { axes: _, ...attributes } = node.attributes.toObject();
  const made = b.op('Resize', operands, along(resized), { attributes });
  return b.reshape(made, [length, resized]);
}

function vector(b: GraphBuilder, values: readonly number[]): Value {
  return b.constant(float32Tensor([values.length], values));
}
