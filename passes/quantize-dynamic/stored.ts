// Weights that are stored as integers and computed in float: for operators without a faster integer kernel (Conv, GRU, RNN), and
// for products that are too small to gain from integers.
import type { Node } from '../../src/ir/index.js';
import { useRestored } from '../../src/quantization/index.js';
import { type NodePlan, type PlanContext, type Planned, requestWeight, type WeightRequest, weightAt } from './plan.js';

/** The plan that restores the weights of all `requests`. */
export function storedPlan(node: Node, requests: readonly WeightRequest[], because = ''): NodePlan {
  return {
    node,
    requests,
    apply(weights, edit) {
      for (const [index, request] of requests.entries()) {
        useRestored(node, request, weights[index], request.parameterShape, edit.restored);
      }
      return `weight stored as ${weights[0].parameters.dataType}, computed in float${because && ` (${because})`}`;
    },
  };
}

/** GRU, RNN and LSTM: input and recurrent weights [directions, gates · hidden, K], one scale per direction and row. */
export function planStoredRecurrent(node: Node, context: PlanContext): Planned {
  const requests: WeightRequest[] = [];
  let reason = '';
  for (const input of [1, 2]) {
    const source = weightAt(node, input, context);
    const request = typeof source === 'string' ? null : requestWeight(input, source, [0, 1], 'stored');
    if (request) requests.push(request);
    else reason ||= typeof source === 'string' ? source : 'its weight is transposed';
  }
  return requests.length > 0 ? storedPlan(node, requests) : reason;
}
