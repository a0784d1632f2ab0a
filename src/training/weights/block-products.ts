// com.microsoft MatMulNBits as MatMul with floats, which training moves in place of the integers of its blocks and their scales. The kernel may round activations
// to eight bits (accuracy_level 4), which training does not.

import type { Graph } from '../../ir/index.js';
import { intsAttribute, type Node, type Value } from '../../ir/index.js';
import { unpackUnsigned } from '../../numeric/index.js';
import { NodeInserter, replaceNode } from '../../rewrite/index.js';
import { int64Tensor, type Tensor } from '../../tensor/index.js';
import type { AddLatent } from './integer-products.js';
import type { IntegerWeight } from './integer-weight.js';
import { isScaleOfOne } from './learned-scales.js';

const types = { 2: 'uint2', 4: 'uint4', 8: 'uint8' } as const;
type Bits = keyof typeof types;

/** Puts floats in the place of the weights of all MatMulNBits whose integers are theirs alone. */
export function floatBlockProducts(graph: Graph, learnScales: boolean, addLatent: AddLatent): void {
  for (const node of [...graph.nodes()]) {
    const weight = node.qualifiedType === 'com.microsoft::MatMulNBits' ? blocksOf(node, learnScales) : null;
    if (!weight) continue;
    const [x, integers] = node.inputs as readonly Value[];
    const latent = addLatent(node.output.name, weight, integers.constant!);
    const nodes = new NodeInserter(node, `training/${node.output.name}`);
    const k = node.attributes.int('K', 0);
    const rows = k === weight.shape[1] ? latent : nodes.add('Slice', [latent, ...firstColumns(graph, k)], 'rows');
    const matrix = nodes.add('Transpose', [rows], 'matrix', { attributes: { perm: intsAttribute([1, 0]) } });
    const product = nodes.add('MatMul', [x, matrix], 'product');
    const bias = node.input(5);
    replaceNode(node, bias ? nodes.add('Add', [product, bias], 'biased') : product);
  }
}

/** Starts, ends and axes of a Slice. */
function firstColumns(graph: Graph, count: number): Value[] {
  return [0, count, 1].map((number) => graph.addInitializer('training/columns', int64Tensor([1], [number])));
}

/** [N, K filled up to whole blocks]; null where the integers are shared or computed, or zero points are no integers. */
function blocksOf(node: Node, learnScales: boolean): IntegerWeight | null {
  const { attributes } = node;
  const [k, n, bits] = [attributes.int('K', 0), attributes.int('N', 0), attributes.int('bits', 4)];
  const blockSize = attributes.int('block_size', 32);
  const [integers, scale] = [node.input(1), node.input(2)];
  const ordered = node.input(4) === null || node.input(4)?.name === '';
  if (!ordered || !isBits(bits) || !integers?.isInitializer || integers.uses.size !== 1) return null;
  if (integers.constant?.dataType !== 'uint8' || scale?.constant?.dataType !== 'float32') return null;
  const blocks = Math.ceil(k / blockSize);
  const row = blocks * blockSize;
  const storedScales = scale.constant.readFloat32().slice();
  if (storedScales.length !== n * blocks || integers.constant.byteLength !== (n * row * bits) / 8) return null;
  const zeroPoints = zeroPointsOf(node.input(3), { n, blocks, bits });
  if (!zeroPoints) return null;
  return {
    holder: integers.name,
    dataType: types[bits],
    inBytes: bits < 8,
    shape: [n, row],
    storedShape: integers.constant.shape,
    scale: scale.name,
    storedScales,
    scales: storedScales,
    storedOf: (position) => position,
    scaleOf: (i) => Math.floor(i / blockSize),
    zeroPoints,
    learned: learnScales && isScaleOfOne(scale),
    fine: false,
    product: null,
  };
}

function isBits(bits: number): bits is Bits {
  return bits in types;
}

interface BlockCounts {
  readonly n: number;
  readonly blocks: number;
  readonly bits: Bits;
}

/** [N, blocks]: the middle of the range where there are none; each channel begins a byte. null where they are no whole numbers of a constant. */
function zeroPointsOf(value: Value | null, { n, blocks, bits }: BlockCounts): Float32Array | null {
  if (!value) return new Float32Array(n * blocks).fill(2 ** (bits - 1));
  const tensor = value.constant;
  if (!tensor) return null;
  if (tensor.dataType !== 'uint8') return wholeNumbers(tensor, n * blocks);
  const perByte = 8 / bits;
  const row = Math.ceil(blocks / perByte) * perByte;
  const bytes = tensor.bytes();
  if (bytes.length * perByte < n * row) return null;
  const stored = bits === 8 ? bytes : unpackUnsigned(bytes, bits, n * row);
  return Float32Array.from({ length: n * blocks }, (_, at) => stored[Math.floor(at / blocks) * row + (at % blocks)]);
}

function wholeNumbers(tensor: Tensor, count: number): Float32Array | null {
  if (tensor.dataType !== 'float32' || tensor.size !== count) return null;
  const values = tensor.readFloat32();
  return values.every(Number.isInteger) ? values : null;
}
