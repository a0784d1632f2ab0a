// Conv: the weight in few bits, restored to floats when the model is loaded (or by DequantizeLinear in every run), and multiplied as floats. INT8
// kernels for convolutions want calibrated activations: quantize-static stores INT4 for those.
import type { Node } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import { type BlockBits, floatWeightAt, useRestored } from '../../src/quantization/index.js';
import { replaceByDequantized } from './dequantized.js';
import { opsetOf, type PlanContext, type Planned, requestRowBlocks, requestRows } from './plan.js';

export function planConvolution(node: Node, context: PlanContext): Planned {
  const { options, obstacleTo } = context;
  const { bits, minimumSize } = options;
  const source = floatWeightAt(node, 1, minimumSize);
  if (typeof source === 'string') return source;
  if (source.permutation.some((from, to) => from !== to)) return 'its weight is transposed in front of it';
  if (bits === 8) return '8 bits are left to quantize-dynamic';
  if (options.compute === 'dequantize') {
    if (bits === 1.6) return 'DequantizeLinear takes no 1.6 bits';
    return obstacleTo(21) ?? planDequantized(node, source, bits, context);
  }
  const request = requestRows(1, source, bits, context);
  if (typeof request === 'string') return request;
  return {
    node,
    requests: [request],
    integers: false,
    opset: opsetOf(request),
    apply(edit) {
      const scales = source.shape.map((length, axis) => (axis === 0 ? length : 1));
      useRestored(node, request, edit.packed(request), scales, edit.restored);
      return `weight of ${bits} bits, computed in float`;
    },
  };
}

function planDequantized(node: Node, source: ConstantSource, bits: BlockBits, { options }: PlanContext): Planned {
  const request = requestRowBlocks(1, source, bits, options);
  return {
    node,
    requests: [request],
    integers: false,
    opset: 21,
    apply(edit) {
      replaceByDequantized(node, source, edit.blocks(request), edit);
      return `DequantizeLinear of ${bits} bits`;
    },
  };
}
