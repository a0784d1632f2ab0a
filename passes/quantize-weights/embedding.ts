// Gather on a table of embeddings: the table is decoded to int8 when the model is loaded and rows are taken from that, or
// GatherBlockQuantized decodes the rows that it takes.
import type { Node } from '../../src/ir/index.js';
import { floatWeightAt, replaceByBlockGather, replaceTableLookup } from '../../src/quantization/index.js';
import { isFloat } from '../../src/tensor/index.js';
import { opsetOf, type PlanContext, type Planned, requestBlocks, requestPacked } from './plan.js';

/** Whether `node` takes rows from a table of floats: other Gathers are no targets. */
export function isTableLookup(node: Node): boolean {
  const type = node.input(0)?.type;
  return node.opType === 'Gather' && type?.kind === 'tensor' && isFloat(type.dataType);
}

export function planEmbedding(node: Node, context: PlanContext): Planned {
  const { options } = context;
  const source = floatWeightAt(node, 0, options.minimumSize);
  if (typeof source === 'string') return source;
  const inKernels = options.compute === 'nbits';
  if ((options.embeddingBits === 8 && !inKernels) || options.compute === 'dequantize')
    return 'tables of embeddings keep 8 bits';
  if (source.shape.length !== 2) return `its table has ${source.shape.length} dimensions`;
  if (!node.input(1)) return 'it has no indices';
  const inPlace = source.permutation.every((from, to) => from === to);
  if (node.attributes.int('axis', 0) !== 0 || !inPlace) return 'its rows do not lie along the first axis of the table';
  const { dataType } = source;
  if (inKernels) {
    const bits = Math.max(options.bits, options.embeddingBits) === 8 ? 8 : 4;
    const request = requestBlocks('channels', 0, source, 1, bits, options);
    const { layout, scheme } = request.form;
    if (layout.k % scheme.blockSize !== 0) return `blocks of ${scheme.blockSize} do not divide its rows of ${layout.k}`;
    if (dataType === 'bfloat16') return 'GatherBlockQuantized on the CPU takes no bfloat16';
    return {
      node,
      requests: [request],
      integers: false,
      opset: 1,
      apply(edit) {
        replaceByBlockGather(node, edit.blocks(request));
        return `GatherBlockQuantized with ${scheme.bits} bits`;
      },
    };
  }
  const request = requestPacked(0, source, 1, 4, context);
  if (typeof request === 'string') return request;
  return {
    node,
    requests: [request],
    integers: false,
    opset: opsetOf(request),
    apply(edit) {
      replaceTableLookup(node, edit.packed(request), { axis: 0, scaleShape: [source.shape[0], 1], dataType });
      return 'int4 rows';
    },
  };
}
