// MatMul and Gemm: integer products where they are faster, stored integers elsewhere.
import type { Node } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import { emitDynamicLinear, isTransposedGemm, linearTerms } from '../../src/quantization/index.js';
import { replaceNode } from '../../src/rewrite/index.js';
import { type NodePlan, type PlanContext, type Planned, requestWeight, weightAt } from './plan.js';
import { storedPlan } from './stored.js';

/** Below these an integer product gains less than a tenth, and for K up to 32 and wide weights it is slower (measured, see README). */
const leastK = 64;
const leastElements = 8192;

export function planLinear(node: Node, context: PlanContext): Planned {
  const right = weightAt(node, 1, context);
  if (typeof right === 'string') {
    const left = node.opType === 'MatMul' ? weightAt(node, 0, context) : right;
    if (typeof left === 'string') return right;
    // The kernels want the weight on the right.
    const request = requestWeight(0, left, left.shape.length > 1 ? [left.shape.length - 2] : [], 'stored');
    return request ? storedPlan(node, [request], 'it is the left operand') : right;
  }
  const { shape } = right;
  const transB = isTransposedGemm(node);
  const channelAxis = transB ? 0 : Math.max(shape.length - 1, 0);
  const axes = shape.length > 1 ? [channelAxis] : [];
  const obstacle = integerObstacle(right, shape[transB ? 1 : 0], context);
  if (obstacle !== null) return storedPlan(node, [requestWeight(1, right, axes, 'stored')!], obstacle);
  return productPlan(node, right, transB);
}

/** Why integers are not multiplied; null when they are. */
function integerObstacle({ shape }: ConstantSource, k: number, context: PlanContext): string | null {
  if (context.options.compute === 'float') return 'as asked';
  if (shape.length !== 2) return `its weight has ${shape.length} dimensions`;
  if (context.integerObstacle !== null) return context.integerObstacle;
  if (context.options.compute === 'integer') return null;
  if (k < leastK || shape[0] * shape[1] < leastElements) return 'integers gain nothing at this size';
  return null;
}

function productPlan(node: Node, source: ConstantSource, transB: boolean): NodePlan {
  const request = requestWeight(1, source, [transB ? 0 : 1], 'product')!;
  // Whether the tensor is stored as [N, K]; MatMulInteger wants [K, N].
  const transposed = transB !== (source.permutation[0] === 1);
  const { dataType } = source;
  return {
    node,
    requests: [{ ...request, transposed }],
    opset: 11,
    product: source.tensor.size,
    apply([weight], { activations, twice }) {
      const { name } = node;
      const linear = {
        ...linearTerms(node, dataType),
        dataType,
        weight,
        transposed: transposed && !weight.transposed,
        name,
        twice: twice.has(node),
      };
      replaceNode(node, emitDynamicLinear(node, linear, activations));
      return `${weight.parameters.dataType} product${twice.has(node) ? ', activations in two parts' : ''}`;
    },
  };
}
