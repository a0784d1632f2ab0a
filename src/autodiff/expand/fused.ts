// Operators that onnxruntime fused: MatMul with transposed operands, Gemm and Conv with an activation, GELU with a bias, and what it calls QuickGelu.
import { floatAttribute, intAttribute, type Node, type Value } from '../../ir/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import type { Expansion } from './index.js';

export const fusedMatMul: Expansion = (node, b) => {
  const { attributes } = node;
  if (attributes.int('transBatchA', 0) || attributes.int('transBatchB', 0)) return null;
  const [a, w] = [node.inputs[0]!, node.inputs[1]!];
  if (node.opType === 'FusedGemm') {
    if (attributes.string('activation', '') !== 'Relu') return null;
    const gemm = Object.fromEntries([
      ...['transA', 'transB'].map((name) => [name, intAttribute(attributes.int(name, 0))] as const),
      ...['alpha', 'beta'].map((name) => [name, floatAttribute(attributes.float(name, 1))] as const),
    ]);
    const product = b.op('Gemm', node.inputs, b.shapeOf(node.output), { attributes: gemm });
    return [b.unary('Relu', product)];
  }
  const left = attributes.int('transA', 0) ? b.transposeLast(a) : a;
  const right = attributes.int('transB', 0) ? b.transposeLast(w) : w;
  const product = b.op('MatMul', [left, right], b.shapeOf(node.output));
  return [b.scale(product, attributes.float('alpha', 1))];
};

export const biasGelu: Expansion = (node, b) => {
  const bias = node.input(1);
  const x = bias ? b.add(node.inputs[0]!, bias) : node.inputs[0]!;
  if (node.opType !== 'FastGelu') {
    const inner = b.add(b.unary('Erf', b.scale(x, Math.SQRT1_2)), b.scalar(1));
    return [b.mul(b.scale(x, 0.5), inner)];
  }
  const cube = b.mul(b.square(x), x);
  const inner = b.scale(b.add(x, b.scale(cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return [b.mul(b.scale(x, 0.5), b.add(b.unary('Tanh', inner), b.scalar(1)))];
};

/** x · sigmoid(alpha · x) */
export const quickGelu: Expansion = (node, b) => {
  const x = node.inputs[0]!;
  return [b.mul(x, b.unary('Sigmoid', b.scale(x, node.attributes.float('alpha', 1.702))))];
};

/** Conv, what is added to it, and an activation. */
export const fusedConv: Expansion = (node, b) => {
  const attributes = node.attributes.toObject();
  const { activation: _, activation_params: __, ...own } = attributes;
  const inputs = node.inputs.slice(0, 3);
  const product = b.op('Conv', inputs, b.shapeOf(node.output), { attributes: own });
  const added = node.input(3);
  const activated = activate(node, b, added ? b.add(product, added) : product);
  return activated && [activated];
};

function activate(node: Node, b: GraphBuilder, x: Value): Value | null {
  const [first = 0, second = 0] = node.attributes.floats('activation_params') ?? [];
  switch (node.attributes.string('activation', '')) {
    case 'Relu':
    case 'Tanh':
    case 'Sigmoid':
      return b.unary(node.attributes.string('activation', ''), x);
    case 'LeakyRelu':
      return b.unary('LeakyRelu', x, { alpha: floatAttribute(first) });
    case 'HardSigmoid':
      return b.unary('HardSigmoid', x, { alpha: floatAttribute(first), beta: floatAttribute(second) });
    case 'Clip':
      return b.clip(x, first, second);
    default:
      return null;
  }
}
