// Conv and ConvTranspose: stored integers, as ConvInteger is slower than float on x86 (with int8 weights many times); Conv as
// ConvInteger on request.
import type { Node } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import { NodeInserter, replaceNode } from '../../src/rewrite/index.js';
import { int64Tensor, sizeOf } from '../../src/tensor/index.js';
import { type NodePlan, type PlanContext, type Planned, requestWeight, weightAt } from './plan.js';
import { storedPlan } from './stored.js';

/** Conv and ConvTranspose, one scale per output channel (per input channel for a grouped ConvTranspose). */
export function planConvolution(node: Node, context: PlanContext): Planned {
  const source = weightAt(node, 1, context);
  if (typeof source === 'string') return source;
  if (source.shape.length < 3) return 'its weight has fewer than three dimensions';
  const axis = node.opType === 'ConvTranspose' && node.attributes.int('group', 1) === 1 ? 1 : 0;
  const inPlace = source.permutation.every((from, to) => from === to);
  if (context.options.compute === 'integer' && node.opType === 'Conv' && inPlace && context.integerObstacle === null) {
    return convIntegerPlan(node, source);
  }
  const request = requestWeight(1, source, [axis], 'stored')!;
  // Where scales belong to input channels, the kernels that share one meet in different sums.
  const mixed = node.opType === 'ConvTranspose' && axis === 0 && source.shape[1] > 1;
  if (!inPlace || mixed || context.options.rounding === 'nearest') return storedPlan(node, [request]);
  return storedPlan(node, [{ ...request, kernelSize: sizeOf(source.shape.slice(2)) }]);
}

/** @param source of the weight [M, C / group, ...], as it is stored. */
function convIntegerPlan(node: Node, source: ConstantSource): NodePlan {
  const { dataType, shape } = source;
  const request = requestWeight(1, source, [0], 'product')!;
  return {
    node,
    // One zero point for all channels is all that the kernel takes, and unsigned weights are its faster ones.
    requests: [{ ...request, scheme: { dataType: 'uint8', symmetric: true } }],
    opset: 11,
    apply([weight], { activations }) {
      const nodes = new NodeInserter(node, weight.name);
      const activation = activations.quantize(node.inputs[0]!, dataType, node);
      const inputs = [activation.quantized, weight.value, activation.zeroPoint, weight.zeroPoint([])];
      const attributes = node.attributes.toObject();
      const sum = nodes.add('ConvInteger', inputs, 'sum', { name: node.name, attributes });
      // Per channel of the result [N, M, ...].
      const channels = [weight.channels, ...shape.slice(2).map(() => 1)];
      const scale = nodes.add('Mul', [activation.scale, weight.scale(weight.parameterShape(channels))], 'sum_scale');
      let result = nodes.add('Mul', [nodes.cast(sum, 'int32', 'float32', 'sum_float'), scale], 'scaled');
      const bias = node.input(2);
      if (bias) {
        const target = [shape[0], ...shape.slice(2).map(() => 1)];
        const targetShape = nodes.graph.addInitializer(
          `${weight.name}_bias_shape`,
          int64Tensor([target.length], target),
        );
        const addend = nodes.cast(bias, dataType, 'float32', 'bias');
        result = nodes.add('Add', [result, nodes.add('Reshape', [addend, targetShape], 'bias')], 'biased');
      }
      replaceNode(node, nodes.cast(result, 'float32', dataType, dataType));
      return 'ConvInteger with uint8 weights';
    },
  };
}
