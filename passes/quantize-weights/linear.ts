// MatMul and Gemm: products with the decoded weight (integers or floats), MatMulNBits, or DequantizeLinear in front.
import type { Node, Value } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import {
  type BlockBits,
  emitDynamicLinear,
  floatWeightAt,
  isTransposedGemm,
  linearTerms,
  type PackedWidth,
  replaceByNBits,
  replaceByNormalFloat,
  useRestored,
} from '../../src/quantization/index.js';
import { replaceNode } from '../../src/rewrite/index.js';
import { replaceByDequantized } from './dequantized.js';
import type { Settings } from './options.js';
import { opsetOf, type PlanContext, type Planned, requestBlocks, requestPacked, scaleShape } from './plan.js';

/** Below these an integer product gains less than a tenth (measured, see quantize-dynamic). */
const leastK = 64;
const leastElements = 8192;

export function planLinear(node: Node, context: PlanContext): Planned {
  const { options, tables, obstacleTo } = context;
  const source = floatWeightAt(node, 1, options.minimumSize);
  if (typeof source === 'string') return source;
  if (source.shape.length !== 2) return `its weight has ${source.shape.length} dimensions`;
  const tied = tables.has(source.value);
  const axis = isTransposedGemm(node) ? 1 : 0;
  if (options.compute === 'nbits') {
    const wide = tied || makesScores(node);
    const { bits, embeddingBits } = options;
    if (bits === 1.6) return 'MatMulNBits takes no 1.6 bits';
    return planNBits(node, source, axis, wide && embeddingBits > bits ? embeddingBits : bits, options, tied);
  }
  if (options.embeddingBits === 8) {
    if (tied) return 'its weight is a table of embeddings too, which keeps 8 bits';
    if (makesScores(node)) return 'it makes the scores, and keeps 8 bits';
  }
  if (options.compute === 'bnb4') {
    return tied ? 'tables of embeddings keep 8 bits' : planNormalFloat(node, source, axis, options);
  }
  if (options.compute === 'dequantize') {
    return tied ? 'tables of embeddings keep 8 bits' : (obstacleTo(21) ?? planDequantize(node, source, axis, options));
  }
  if (options.bits === 8) return '8 bits are left to quantize-dynamic';
  const wide = tied || makesScores(node);
  return planPacked(node, source, axis, wide ? 4 : options.bits, context);
}

function planPacked(
  node: Node,
  source: ConstantSource,
  axis: number,
  bits: PackedWidth,
  context: PlanContext,
): Planned {
  const { options } = context;
  const request = requestPacked(1, source, axis, bits, context);
  if (typeof request === 'string') return request;
  const { dataType } = source;
  const integers =
    options.compute !== 'float32' && request.form.layout.k >= leastK && source.tensor.size >= leastElements;
  const twice =
    integers && (options.activations === 'twice' || (options.activations === 'auto' && isGated(node.input(0))));
  return {
    node,
    requests: [request],
    integers: integers && !twice,
    opset: opsetOf(request),
    apply(edit) {
      const weight = edit.packed(request);
      if (!integers) {
        useRestored(node, request, weight, scaleShape(request), edit.restored);
        return `weight of ${bits} bits, computed in float`;
      }
      const terms = linearTerms(node, dataType);
      const linear = { ...terms, dataType, weight, transposed: request.rows, name: node.name, twice };
      replaceNode(node, emitDynamicLinear(node, linear, edit.activations));
      return `weight of ${bits} bits, computed in int8${twice ? ', activations in two parts' : ''}`;
    },
  };
}

function planNBits(
  node: Node,
  source: ConstantSource,
  axis: number,
  bits: BlockBits,
  options: Settings,
  tied: boolean,
): Planned {
  const { dataType } = source;
  if (dataType === 'bfloat16') return 'MatMulNBits on the CPU takes no bfloat16';
  const request = requestBlocks('channels', 1, source, axis, bits, options, !tied);
  return {
    node,
    requests: [request],
    integers: options.accuracyLevel === 4,
    opset: 1,
    apply(edit) {
      replaceByNBits(node, edit.blocks(request), dataType, options.accuracyLevel);
      return `MatMulNBits with ${bits} bits`;
    },
  };
}

function planNormalFloat(node: Node, source: ConstantSource, axis: number, options: Settings): Planned {
  if (source.dataType !== 'float32') return `MatMulBnb4 on the CPU takes no ${source.dataType}`;
  const request = requestBlocks('normal', 1, source, axis, 4, options);
  return {
    node,
    requests: [request],
    integers: false,
    opset: 1,
    apply(edit) {
      replaceByNormalFloat(node, edit.blocks(request));
      return 'MatMulBnb4';
    },
  };
}

function planDequantize(node: Node, source: ConstantSource, axis: number, options: Settings): Planned {
  const { bits } = options;
  if (bits === 1.6) return 'DequantizeLinear takes no 1.6 bits';
  const request = requestBlocks('source', 1, source, axis, bits, options);
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

/**
 * Whether `value` is a product of a linear operator's result and what comes out of another one's activation (SwiGLU): a few large values set the
 * scale of all others. In a GELU that is written out, the result has another use.
 */
function isGated(value: Value | null): boolean {
  const gate = value?.producer;
  if (!gate?.is('Mul')) return false;
  return gate.inputs.some((operand, index) => {
    const other = gate.input(1 - index);
    if (!operand || operand.uses.size > 1 || !other?.producer || other === operand) return false;
    const { producer } = operand;
    const linear = producer?.is('Add') ? producer.inputs.find((input) => input?.producer)?.producer : producer;
    return linear?.is('MatMul', 'Gemm') === true && !other.producer.is('Reciprocal', 'Div', 'Sqrt', 'Pow');
  });
}

/** Whether the result is an output of the model, or all but: where rounding errors are not averaged out by layers behind. */
function makesScores(node: Node): boolean {
  let value = node.outputs[0];
  let { graph } = node;
  while (value && graph) {
    const { parent } = graph;
    if (value.isGraphOutput && parent === null) return true;
    if (value.isGraphOutput) {
      // Branches hand over what the model may give: merged decoders do all in them.
      if (!parent?.is('If')) return false;
      value = parent.outputs[graph.outputs.indexOf(value)];
      graph = parent.graph;
      continue;
    }
    const [use, ...others] = value.uses;
    if (!use || others.length > 0 || !use.node.is('Add', 'Identity', 'Cast', 'Reshape', 'Squeeze')) return false;
    [value] = use.node.outputs;
  }
  return false;
}
