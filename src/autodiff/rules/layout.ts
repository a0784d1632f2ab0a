// Gradients of operators that only move elements: Reshape and its kin, Transpose, Concat, Split, Slice, Pad, Trilu, Expand, Tile,
// DepthToSpace and SpaceToDepth.
import { intAttribute, stringAttribute, type Value } from '../../ir/index.js';
import type { Shape } from '../graph-builder.js';
import { type GradientContext, type GradientRule, type NodeFacts, type RuleTable, resolveAxis } from '../rule.js';

const reshaped: GradientRule = {
  gradients: ({ builder, upstream, input, shapeOf }) => [builder.reshape(upstream, shapeOf(input(0)))],
};

export const layoutRules: RuleTable = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: {
    gradients: ({ builder, node, upstream, input, shapeOf }) => {
      const rank = shapeOf(input(0)).length;
      const order = node.attributes.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
      const inverse = new Array<number>(rank);
      for (const [to, from] of order.entries()) inverse[from] = to;
      return [builder.transpose(upstream, inverse)];
    },
  },
  Concat: {
    gradients: ({ builder, node, upstream, input, wants, shapeOf }) => {
      const axis = resolveAxis(node.attributes.int('axis', 1), shapeOf(node.output).length);
      let start = 0;
      return node.inputs.map((_, index) => {
        const length = shapeOf(input(index))[axis];
        start += length;
        return wants(index) ? builder.slice(upstream, axis, start - length, start) : null;
      });
    },
  },
  Split: {
    gradients: ({ builder, node, gradient, input, shapeOf }) => {
      const axis = resolveAxis(node.attributes.int('axis', 0), shapeOf(input(0)).length);
      const parts = node.outputs.flatMap((output, index) =>
        output ? [gradient(index) ?? builder.filled(shapeOf(output), 0)] : [],
      );
      return [builder.concat(parts, axis)];
    },
  },
  Slice: { obstacle: sliceObstacle, gradients: sliceGradients },
  Pad: { obstacle: padObstacle, gradients: padGradients },
  Trilu: {
    gradients: ({ builder, node, upstream, shapeOf }) => {
      const attributes = node.attributes.toObject();
      const inputs = [upstream, ...(node.input(1) ? [node.input(1)] : [])];
      return [builder.op('Trilu', inputs, shapeOf(upstream), { attributes })];
    },
  },
  Expand: {
    gradients: ({ builder, upstream, input, shapeOf }) => [builder.sumTo(upstream, shapeOf(input(0)))],
  },
  Tile: {
    gradients: ({ builder: b, node, upstream, input, shapeOf }) => {
      const shape = shapeOf(input(0));
      const repeats = shapeOf(node.output).map((dim, axis) => (shape[axis] === 0 ? 0 : dim / shape[axis]));
      const split = b.reshape(
        upstream,
        shape.flatMap((dim, axis) => [repeats[axis], dim]),
      );
      const sum = b.reduce(
        'ReduceSum',
        split,
        shape.map((_, axis) => 2 * axis),
      );
      return [b.reshape(sum, shape)];
    },
  },
  DepthToSpace: {
    obstacle: ({ node }) => depthObstacle(node.attributes.string('mode', 'DCR')),
    gradients: ({ builder: b, node, upstream, input, shapeOf }) => {
      const size = node.attributes.int('blocksize', 1);
      const [n, c, h, w] = shapeOf(input(0));
      const channels = c / size ** 2;
      const blocks = b.reshape(upstream, [n, channels, h, size, w, size]);
      const crd = node.attributes.string('mode', 'DCR') === 'CRD';
      return [b.reshape(b.transpose(blocks, crd ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), [n, c, h, w])];
    },
  },
  SpaceToDepth: {
    gradients: ({ builder, node, upstream, input, shapeOf }) => [
      builder.op('DepthToSpace', [upstream], shapeOf(input(0)), {
        attributes: {
          blocksize: intAttribute(node.attributes.int('blocksize', 1)),
          mode: stringAttribute('DCR'),
        },
      }),
    ],
  },
};

function depthObstacle(mode: string): string | null {
  return mode === 'DCR' || mode === 'CRD' ? null : `its mode ${mode} is unknown`;
}

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
}

/** Where the elements of a Slice come from, with starts brought into the axis. */
function sliceRanges({ node, constant, shapeOf }: NodeFacts): readonly Range[] | null {
  const shape = shapeOf(node.inputs[0]!);
  const starts = constant(1)?.readNumbers();
  if (!starts || !constant(2)) return null;
  const axes = node.input(3) ? constant(3)?.readNumbers() : starts.map((_, index) => index);
  const steps = node.input(4) ? constant(4)?.readNumbers() : starts.map(() => 1);
  if (!axes || !steps) return null;
  return axes.map((given, index) => {
    const axis = resolveAxis(given, shape.length);
    const start = starts[index] < 0 ? starts[index] + shape[axis] : starts[index];
    const last = steps[index] > 0 ? shape[axis] : shape[axis] - 1;
    return { axis, start: Math.min(Math.max(start, 0), last), step: steps[index] };
  });
}

function sliceObstacle(facts: NodeFacts): string | null {
  return sliceRanges(facts) ? null : 'where it cuts is computed';
}

/** Steps of one: padding with zeros. Others: zeros in between too, axis by axis; a negative step is a flip first. */
function sliceGradients(context: GradientContext): Value[] {
  const { builder: b, upstream, input, shapeOf } = context;
  const shape = shapeOf(input(0));
  const before = shape.map(() => 0);
  const after = shape.map(() => 0);
  let gradient = upstream;
  for (const { axis, start, step } of sliceRanges(context)!) {
    const count = b.shapeOf(gradient)[axis];
    let first = start;
    if (step < 0) {
      gradient = b.flip(gradient, [axis]);
      first = start + (count - 1) * step;
    }
    if (Math.abs(step) > 1) gradient = spread(context, gradient, axis, Math.abs(step));
    before[axis] = first;
    after[axis] = shape[axis] - first - b.shapeOf(gradient)[axis];
  }
  return [b.pad(gradient, before, after)];
}

/** Puts `step` − 1 zeros between the elements of an axis. */
function spread({ builder: b }: GradientContext, value: Value, axis: number, step: number): Value {
  const shape = b.shapeOf(value);
  const count = shape[axis];
  const split: Shape = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
  const none = split.map(() => 0);
  const more = split.map((_, i) => (i === axis + 1 ? step - 1 : 0));
  const padded = b.pad(b.reshape(value, split), none, more);
  const joined = b.reshape(
    padded,
    shape.map((dim, i) => (i === axis ? dim * step : dim)),
  );
  return b.slice(joined, axis, 0, (count - 1) * step + 1);
}

/** Padding of each axis, before and after; null where it is computed. */
function padding({ node, constant, shapeOf }: NodeFacts): { before: number[]; after: number[] } | null {
  const rank = shapeOf(node.inputs[0]!).length;
  const pads = constant(1)?.readNumbers();
  const axes = node.input(3) ? constant(3)?.readNumbers() : Array.from({ length: rank }, (_, axis) => axis);
  if (!pads || !axes) return null;
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [index, axis] of axes.entries()) {
    before[resolveAxis(axis, rank)] = pads[index];
    after[resolveAxis(axis, rank)] = pads[axes.length + index];
  }
  return { before, after };
}

function padObstacle(facts: NodeFacts): string | null {
  const mode = facts.node.attributes.string('mode', 'constant');
  const pads = padding(facts);
  if (!pads) return 'its padding is computed';
  if (facts.wants(2)) return 'what it pads with depends on weights';
  if (mode === 'constant') return null;
  if (![...pads.before, ...pads.after].every((length) => length >= 0)) return `its mode ${mode} cuts off`;
  return mode === 'reflect' || mode === 'edge' ? null : `its mode ${mode} is not known`;
}

/** Constant: the middle. Reflect and edge: what lies outside is added to where it was copied from, axis by axis. */
function padGradients(context: GradientContext): Value[] {
  const { builder: b, node, upstream, input, shapeOf } = context;
  const { before, after } = padding(context)!;
  const negate = (lengths: number[]): number[] => lengths.map((length) => (length === 0 ? 0 : -length));
  const mode = node.attributes.string('mode', 'constant');
  if (mode === 'constant') return [b.pad(upstream, negate(before), negate(after))];
  const shape = shapeOf(input(0));
  let gradient = upstream;
  for (const [axis, length] of shape.entries()) {
    if (before[axis] === 0 && after[axis] === 0) continue;
    const total = length + before[axis] + after[axis];
    let middle = b.slice(gradient, axis, before[axis], before[axis] + length);
    const fold = (part: Value, at: number, count: number): void => {
      const zeros = (n: number) => shape.map((_, i) => (i === axis ? n : 0));
      middle = b.add(middle, b.pad(part, zeros(at), zeros(length - at - count)));
    };
    const outside = [
      { part: b.slice(gradient, axis, 0, before[axis]), count: before[axis], atEnd: false },
      { part: b.slice(gradient, axis, total - after[axis], total), count: after[axis], atEnd: true },
    ];
    for (const { part, count, atEnd } of outside) {
      if (count === 0) continue;
      if (mode === 'edge') fold(b.reduce('ReduceSum', part, [axis], { keep: true }), atEnd ? length - 1 : 0, 1);
      else fold(b.flip(part, [axis]), atEnd ? length - 1 - count : 1, count);
    }
    gradient = middle;
  }
  return [gradient];
}
