// Gather on a table of embeddings: the table is decoded to int8 when the model is loaded, and rows are taken from that.
import type { Node } from '../../src/ir/index.js';
import { floatWeightAt, replaceTableLookup } from '../../src/quantization/index.js';
import { isFloat } from '../../src/tensor/index.js';
import { type PlanContext, type Planned, requestWeight } from './plan.js';

/** Whether `node` takes rows from a table of floats: other Gathers are no targets. */
export function isTableLookup(node: Node): boolean {
  const type = node.input(0)?.type;
  return node.opType === 'Gather' && type?.kind === 'tensor' && isFloat(type.dataType);
}

export function planEmbedding(node: Node, { options }: PlanContext): Planned {
  const source = floatWeightAt(node, 0, options.minimumSize);
  if (typeof source === 'string') return source;
  if (options.embeddingBits === 8) return 'tables of embeddings keep 8 bits';
  if (!node.input(1)) return 'it has no indices';
  const axis = node.attributes.int('axis', 0);
  const inPlace = source.permutation.every((from, to) => from === to);
  if (axis !== 0 || !inPlace) return 'its rows do not lie along the first axis of the table';
  const request = requestWeight(0, source, 1, options);
  if (typeof request === 'string') return request;
  return {
    node,
    requests: [request],
    apply(weight) {
      replaceTableLookup(node, weight, { axis: 0, scaleShape: [source.shape[0], 1], dataType: source.dataType });
      return 'int4 rows';
    },
  };
}
