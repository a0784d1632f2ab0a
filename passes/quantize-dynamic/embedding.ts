// Gather on a table of embeddings: rows are taken as integers.
import type { Node } from '../../src/ir/index.js';
import { replaceTableLookup } from '../../src/quantization/index.js';
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
  if (!node.input(1)) return 'it has no indices';
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
    // Centred on zero, so that a row is one product; another user of the table takes it as it is.
    requests: [{ ...request, scheme: { dataType: 'int8', symmetric: true } }],
    apply([weight]) {
      replaceTableLookup(node, weight, { axis, scaleShape: request.parameterShape, dataType });
      return 'int8 rows, one scale each';
    },
  };
}
