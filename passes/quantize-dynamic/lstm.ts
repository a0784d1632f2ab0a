// LSTM as com.microsoft.DynamicQuantizeLSTM: inputs and states are quantized in every step, weights keep one scale per gate row.
import { intsAttribute, type Node, type Value } from '../../src/ir/index.js';
import type { QuantizedWeight } from '../../src/quantization/index.js';
import { NodeInserter, replaceNode } from '../../src/rewrite/index.js';
import { type PlanContext, type Planned, requestWeight, type WeightRequest, weightAt } from './plan.js';
import { planStoredRecurrent } from './stored.js';

/** Smaller recurrent weights gain nothing from integers (measured, see README). */
const leastElements = 8192;

export function planLstm(node: Node, context: PlanContext): Planned {
  const requests = context.options.compute === 'float' || context.onnxOnly ? null : integerRequests(node, context);
  if (requests === null) return planStoredRecurrent(node, context);
  return {
    node,
    requests,
    domains: ['com.microsoft'],
    apply([input, recurrent]) {
      const nodes = new NodeInserter(node, node.output?.name ?? node.name);
      const [x, , , ...rest] = node.inputs;
      // B, sequence_lens, initial_h, initial_c and P stay where they are.
      const optional = Array.from({ length: 5 }, (_, index) => rest[index] ?? null);
      const inputs = [
        x,
        gatesLast(input),
        gatesLast(recurrent),
        ...optional,
        ...parametersOf(input, requests[0]),
        ...parametersOf(recurrent, requests[1]),
      ];
      const suffixes = node.outputs.map((output) => (output ? 'quantized' : ''));
      const attributes = node.attributes.toObject();
      delete attributes.layout;
      const quantized = nodes.addNode('DynamicQuantizeLSTM', inputs, suffixes, {
        name: node.name,
        domain: 'com.microsoft',
        attributes,
      });
      replaceNode(node, ...quantized.outputs);
      return `DynamicQuantizeLSTM with ${input.parameters.dataType} weights`;
    },
  };
}

/** W [directions, 4 · hidden, inputs] and R [directions, 4 · hidden, hidden]; null when either cannot be used. */
function integerRequests(node: Node, context: PlanContext): [WeightRequest, WeightRequest] | null {
  if (node.attributes.int('layout', 0) !== 0) return null;
  const requests: WeightRequest[] = [];
  for (const index of [1, 2]) {
    const source = weightAt(node, index, context);
    if (typeof source === 'string' || source.dataType !== 'float32' || source.shape.length !== 3) return null;
    if (source.permutation.some((from, to) => from !== to)) return null;
    if (context.options.compute === 'auto' && source.tensor.size < leastElements) return null;
    const request = requestWeight(index, source, [0, 1], 'product')!;
    // The kernel takes no other zero points than 0.
    requests.push({ ...request, transposed: true, granularity: 'channel', scheme: { symmetric: true } });
  }
  return [requests[0], requests[1]];
}

/** Scales and zero points [directions, 4 · hidden]. */
function parametersOf(weight: QuantizedWeight, { source }: WeightRequest): [Value, Value] {
  const shape = source.shape.slice(0, 2);
  return [weight.scale(shape), weight.zeroPoint(shape)];
}

/** The integers as [directions, inputs, 4 · hidden]. */
function gatesLast(weight: QuantizedWeight): Value {
  if (weight.transposed) return weight.value;
  const nodes = NodeInserter.atStart(weight.graph, weight.name);
  return nodes.add('Transpose', [weight.value], 'transposed', { attributes: { perm: intsAttribute([0, 2, 1]) } });
}
