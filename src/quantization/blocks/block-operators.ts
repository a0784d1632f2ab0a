// Operators that compute with weights in blocks: com.microsoft MatMulNBits and GatherBlockQuantized, ONNX DequantizeLinear (opset 21).
import { type Attribute, type Graph, intAttribute, type Node, type Value } from '../../ir/index.js';
import { NodeInserter, replaceNode } from '../../rewrite/index.js';
import { castTensor, type DataType, int64Tensor, scalarTensor, type Tensor } from '../../tensor/index.js';
import { linearTerms } from '../weights/linear-terms.js';
import { type BlockScheme, storedBits } from './block-parameters.js';
import type { BlockLayout, BlockTensors } from './block-weight.js';

/** A weight in blocks as initializers of `graph`. */
export interface BlockWeight {
  readonly graph: Graph;
  readonly name: string;
  readonly layout: BlockLayout;
  readonly scheme: BlockScheme;
  readonly integers: Value;
  readonly scales: Value;
  readonly zeroPoints: Value | null;
}

/** @param dataType of scales: that of the activations. */
export function addBlockWeight(
  graph: Graph,
  name: string,
  { integers, scales, zeroPoints }: BlockTensors,
  { layout, scheme, dataType }: { layout: BlockLayout; scheme: BlockScheme; dataType: DataType },
): BlockWeight {
  return {
    graph,
    name,
    layout,
    scheme,
    integers: graph.addInitializer(`${name}_q${storedBits(scheme.bits)}`, integers),
    scales: graph.addInitializer(`${name}_scales`, castTensor(scales, dataType)),
    zeroPoints: zeroPoints && graph.addInitializer(`${name}_zero_points`, asFloats(zeroPoints, dataType)),
  };
}

/** Zero points that are floats have the type of the scales. */
function asFloats(zeroPoints: Tensor, dataType: DataType): Tensor {
  return zeroPoints.dataType === 'float32' ? castTensor(zeroPoints, dataType) : zeroPoints;
}

/** Puts MatMulNBits in the place of a MatMul or Gemm. @param accuracyLevel of the activations: 4 is int8, 0 what the kernel prefers. */
export function replaceByNBits(node: Node, weight: BlockWeight, dataType: DataType, accuracyLevel: number): void {
  const { layout, scheme } = weight;
  const attributes = {
    K: intAttribute(layout.k),
    N: intAttribute(layout.n),
    bits: intAttribute(storedBits(scheme.bits)),
    block_size: intAttribute(scheme.blockSize),
    ...(accuracyLevel > 0 && { accuracy_level: intAttribute(accuracyLevel) }),
  };
  replaceByKernel(node, 'MatMulNBits', weight, attributes, dataType);
}

/** Puts a kernel for the product in the place of `node`, and what Gemm does besides behind it. */
function replaceByKernel(
  node: Node,
  opType: string,
  weight: BlockWeight,
  attributes: Readonly<Record<string, Attribute>>,
  dataType: DataType,
): void {
  const { name } = weight;
  const { input, alpha, bias } = linearTerms(node, dataType);
  const nodes = new NodeInserter(node, name);
  const inputs = [input, weight.integers, weight.scales, ...(weight.zeroPoints ? [weight.zeroPoints] : [])];
  const options = { name: node.name, domain: 'com.microsoft', attributes };
  let result = nodes.add(opType, inputs, 'product', options);
  if (alpha !== 1) {
    const factor = nodes.graph.addInitializer(`${name}_alpha`, castTensor(scalarTensor('float32', alpha), dataType));
    result = nodes.add('Mul', [result, factor], 'scaled');
  }
  if (bias) result = nodes.add('Add', [result, nodes.cast(bias, 'float32', dataType, 'bias')], 'biased');
  replaceNode(node, result);
}

/** Puts MatMulBnb4 in the place of a MatMul or Gemm: `weight` holds `normalFloatBlocks`. */
export function replaceByNormalFloat(node: Node, weight: BlockWeight): void {
  const { layout, scheme } = weight;
  const attributes = {
    K: intAttribute(layout.k),
    N: intAttribute(layout.n),
    block_size: intAttribute(scheme.blockSize),
    // NF4; 0 is FP4.
    quant_type: intAttribute(1),
  };
  replaceByKernel(node, 'MatMulBnb4', weight, attributes, 'float32');
}

/** Puts GatherBlockQuantized in the place of a Gather along the first axis of a matrix, whose rows are the channels of `weight`. */
export function replaceByBlockGather(node: Node, weight: BlockWeight): void {
  const { layout, scheme, graph, name } = weight;
  const { bits, blockSize } = scheme;
  const known = [...weight.integers.uses].find((use) => use.node.is('Reshape') && use.node.graph === graph);
  const shape = [layout.n, (layout.k * bits) / 8];
  const table =
    known?.node.output ??
    NodeInserter.atStart(graph, name).add(
      'Reshape',
      [weight.integers, graph.addInitializer(`${name}_table_shape`, int64Tensor([2], shape))],
      'table',
    );
  const attributes = {
    gather_axis: intAttribute(0),
    quantize_axis: intAttribute(1),
    block_size: intAttribute(blockSize),
    bits: intAttribute(bits),
  };
  const inputs = [table, node.inputs[1]!, weight.scales, ...(weight.zeroPoints ? [weight.zeroPoints] : [])];
  const options = { name: node.name, domain: 'com.microsoft', attributes };
  replaceNode(node, new NodeInserter(node, name).add('GatherBlockQuantized', inputs, 'rows', options));
}

/** The float weight, restored by DequantizeLinear in every run, at the start of its graph. */
export function dequantizeBlocks({ graph, name, layout, scheme, integers, scales, zeroPoints }: BlockWeight): Value {
  const inBlocks = scheme.blockSize < layout.k;
  const attributes: Readonly<Record<string, Attribute>> = inBlocks
    ? { axis: intAttribute(layout.rows ? 1 : 0), block_size: intAttribute(scheme.blockSize) }
    : { axis: intAttribute(layout.rows ? 0 : 1) };
  const inputs = [integers, scales, ...(zeroPoints ? [zeroPoints] : [])];
  return NodeInserter.atStart(graph, name).add('DequantizeLinear', inputs, 'dequantized', { attributes });
}
