// Gradients of operators that pick or place elements by index: they place or pick the gradients.
import { intAttribute, stringAttribute, type Value } from '../../ir/index.js';
import { sizeOf } from '../../tensor/index.js';
import type { GraphBuilder, Shape } from '../graph-builder.js';
import { type GradientContext, type NodeFacts, type RuleTable, resolveAxis } from '../rule.js';

const adding = { reduction: stringAttribute('add') };

export const indexingRules: RuleTable = {
  Gather: { gradients: gatherGradients },
  GatherElements: {
    gradients: ({ builder: b, node, upstream, input, shapeOf }) => {
      const shape = shapeOf(input(0));
      const attributes = { ...adding, axis: intAttribute(node.attributes.int('axis', 0)) };
      return [b.op('ScatterElements', [b.filled(shape, 0), input(1), upstream], shape, { attributes })];
    },
  },
  GatherND: { gradients: gatherNdGradients },
  ScatterElements: {
    obstacle: scatterObstacle,
    gradients: ({ builder: b, node, upstream, input, wants, shapeOf }) => {
      const attributes = { axis: intAttribute(node.attributes.int('axis', 0)) };
      const erased = (): Value =>
        b.op('ScatterElements', [upstream, input(1), b.filled(shapeOf(input(2)), 0)], shapeOf(upstream), {
          attributes,
        });
      const keeps = node.attributes.string('reduction', 'none') === 'add';
      const picked = (): Value => b.op('GatherElements', [upstream, input(1)], shapeOf(input(2)), { attributes });
      return [wants(0) ? (keeps ? upstream : erased()) : null, null, wants(2) ? picked() : null];
    },
  },
  ScatterND: {
    obstacle: scatterObstacle,
    gradients: ({ builder: b, node, upstream, input, wants, shapeOf }) => {
      const erased = (): Value =>
        b.op('ScatterND', [upstream, input(1), b.filled(shapeOf(input(2)), 0)], shapeOf(upstream));
      const keeps = node.attributes.string('reduction', 'none') === 'add';
      const picked = (): Value => b.op('GatherND', [upstream, input(1)], shapeOf(input(2)));
      return [wants(0) ? (keeps ? upstream : erased()) : null, null, wants(2) ? picked() : null];
    },
  },
};

function scatterObstacle({ node }: NodeFacts): string | null {
  const reduction = node.attributes.string('reduction', 'none');
  return reduction === 'none' || reduction === 'add' ? null : `its reduction ${reduction} has no rule`;
}

/** Rows of a table (an embedding): ScatterND with addition. Another axis is brought to the front first. */
function gatherGradients({ builder: b, node, upstream, input, shapeOf }: GradientContext): Value[] {
  const shape = shapeOf(input(0));
  const indices = shapeOf(input(1));
  const axis = resolveAxis(node.attributes.int('axis', 0), shape.length);
  const rest = [...shape.slice(0, axis), ...shape.slice(axis + 1)];
  const front = [...indices.keys()].map((i) => axis + i);
  const others = [...b.shapeOf(upstream).keys()].filter((i) => !front.includes(i));
  const rows = b.reshape(b.transpose(upstream, [...front, ...others]), [sizeOf(indices), ...rest]);
  const table = scatterRows(b, positive(b, input(1), shape[axis], indices), rows, [shape[axis], ...rest]);
  const back = [...shape.keys()].map((i) => (i === axis ? 0 : i < axis ? i + 1 : i));
  return [b.transpose(table, back)];
}

/** Indices as a column of int64 from 0 on. */
function positive(b: GraphBuilder, indices: Value, length: number, shape: Shape): Value {
  const column = b.reshape(b.cast(indices, 'int64'), [sizeOf(shape), 1]);
  const negative = b.binary('Less', column, b.ints([0]));
  return b.where(negative, b.add(column, b.ints([length])), column);
}

function scatterRows(b: GraphBuilder, indices: Value, rows: Value, shape: Shape): Value {
  return b.op('ScatterND', [b.filled(shape, 0), indices, rows], shape, { attributes: adding });
}

/** Batch axes are written out as leading indices. */
function gatherNdGradients({ builder: b, node, upstream, input, shapeOf }: GradientContext): Value[] {
  const shape = shapeOf(input(0));
  const batchAxes = node.attributes.int('batch_dims', 0);
  const indexShape = shapeOf(input(1));
  let indices = b.cast(input(1), 'int64');
  for (let axis = batchAxes - 1; axis >= 0; axis--) {
    const leading = [...indexShape.slice(0, -1), 1];
    const counter = b.reshape(
      b.ints(Array.from({ length: indexShape[axis] }, (_, i) => i)),
      leading.map((_, i) => (i === axis ? indexShape[axis] : 1)),
    );
    indices = b.concat([b.expand(counter, leading), indices], indexShape.length - 1);
  }
  return [b.op('ScatterND', [b.filled(shape, 0), indices, upstream], shape, { attributes: adding })];
}
