// Gather on a table of embeddings: rows are taken as integers, and multiplied with their scales, taken by a second Gather.
// So the table is never restored as a whole, in memory or in time.
import { intAttribute, type Node, type Value } from '../../src/ir/index.js';
import { NodeInserter, replaceNode } from '../../src/rewrite/index.js';
import { isFloat } from '../../src/tensor/index.js';
import { type PlanContext, type Planned, requestWeight, weightAt } from './plan.js';
import { storedPlan } from './stored.js';

/** Shorter rows are not worth a scale each. */
const leastRowLength = 8;

/** Whether `node` takes rows from a constant table of floats: other Gathers are no targets. */
export function isTableLookup(node: Node): boolean {
  const type = node.input(0)?.type;
  return node.opType !== 'Gather' || (type?.kind === 'tensor' && isFloat(type.dataType));
}

export function planEmbedding(node: Node, context: PlanContext): Planned {
  const source = weightAt(node, 0, context);
  if (typeof source === 'string') return source;
  const indices = node.input(1);
  if (!indices) return 'it has no indices';
  const { shape, permutation, dataType } = source;
  const attribute = node.attributes.int('axis', 0);
  const axis = attribute < 0 ? attribute + shape.length : attribute;
  if (shape[axis] === undefined) return `axis ${attribute} is outside its table`;
  const rowLength = source.tensor.size / shape[axis];
  if (rowLength < leastRowLength) return `its rows have only ${rowLength} elements`;
  const inPlace = permutation.every((from, to) => from === to);
  if (!inPlace || context.options.compute === 'float') {
    return storedPlan(node, [requestWeight(0, source, [axis], 'stored')!]);
  }
  const request = requestWeight(0, source, [axis], 'table')!;
  return {
    node,
    // Another user of the table takes it as it is.
    requests: [{ ...request, scheme: { dataType: 'int8' } }],
    apply([weight]) {
      const nodes = new NodeInserter(node, node.output.name);
      const attributes = { axis: intAttribute(axis) };
      const rows = nodes.add('Gather', [weight.value, indices], 'rows', { name: node.name, attributes });
      const shape = weight.parameterShape(request.parameterShape);
      const ofRows = (parameters: Value, suffix: string): Value =>
        weight.channels === 1 ? parameters : nodes.add('Gather', [parameters, indices], suffix, { attributes });
      let values = nodes.cast(rows, 'int8', 'float32', 'float32');
      if (weight.hasZeroPoint) {
        const zeroPoints = nodes.cast(ofRows(weight.zeroPoint(shape), 'zero_points'), 'int8', 'float32', 'zero_points');
        values = nodes.add('Sub', [values, zeroPoints], 'centred');
      }
      const restored = nodes.add('Mul', [values, ofRows(weight.scale(shape), 'scales')], 'scaled');
      replaceNode(node, nodes.cast(restored, 'float32', dataType, dataType));
      return 'int8 rows, one scale each';
    },
  };
}
