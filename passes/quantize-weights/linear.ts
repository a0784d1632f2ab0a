// MatMul and Gemm: integer products with the decoded weight, or float products with the restored one.
import type { Node } from '../../src/ir/index.js';
import {
  emitDynamicLinear,
  floatWeightAt,
  isTransposedGemm,
  linearTerms,
  useRestored,
} from '../../src/quantization/index.js';
import { replaceNode } from '../../src/rewrite/index.js';
import { type PlanContext, type Planned, requestWeight, scaleShape } from './plan.js';

/** Below these an integer product gains less than a tenth (measured, see quantize-dynamic). */
const leastK = 64;
const leastElements = 8192;

export function planLinear(node: Node, { options, tables }: PlanContext): Planned {
  const source = floatWeightAt(node, 1, options.minimumSize);
  if (typeof source === 'string') return source;
  if (options.embeddingBits === 8) {
    if (tables.has(source.value)) return 'its weight is a table of embeddings too, which keeps 8 bits';
    if (makesScores(node)) return 'it makes the scores, and keeps 8 bits';
  }
  const transB = isTransposedGemm(node);
  const request = requestWeight(1, source, transB ? 1 : 0, options);
  if (typeof request === 'string') return request;
  const { dataType } = source;
  const { k } = request.layout;
  const integers = options.compute !== 'float32' && k >= leastK && source.tensor.size >= leastElements;
  return {
    node,
    requests: [request],
    apply(weight, edit) {
      if (!integers) {
        useRestored(node, request, weight, scaleShape(request), edit.restored);
        return 'int4 weight, computed in float';
      }
      const linear = { ...linearTerms(node, dataType), dataType, weight, transposed: request.rows, name: node.name };
      replaceNode(node, emitDynamicLinear(node, linear, edit.activations));
      return 'int4 weight, computed in int8';
    },
  };
}

/** Whether the result is an output of the model, or all but: where rounding errors are not averaged out by layers behind. */
function makesScores(node: Node): boolean {
  let value = node.outputs[0];
  while (value && !value.isGraphOutput) {
    const [use, ...others] = value.uses;
    if (!use || others.length > 0 || !use.node.is('Add', 'Identity', 'Cast', 'Reshape', 'Squeeze')) return false;
    [value] = use.node.outputs;
  }
  return value !== null && value !== undefined;
}
