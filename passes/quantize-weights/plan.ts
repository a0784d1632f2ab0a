// What is planned for a node before anything is edited: the weight it wants stored, in which form, and the edit itself.
import type { Node, Value } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import type {
  BlockLayout,
  BlockOrder,
  BlockScheme,
  BlockWeight,
  DynamicActivations,
  PackedCoding,
  PackedLayout,
  PackedWidth,
  QuantizedWeight,
} from '../../src/quantization/index.js';
import { fillsNibbles, holdsVectors, packedOpset, tableOpset } from '../../src/quantization/index.js';
import { type Settings, searchOf } from './options.js';

/** Decoded when the model is loaded: q · m · c. */
export interface PackedForm {
  readonly kind: 'packed';
  readonly layout: PackedLayout;
  readonly bits: PackedWidth;
  readonly coding: PackedCoding;
  /** Whether four neighbours share a byte, and a vector of a codebook. */
  readonly codebook: boolean;
}

/**
 * Decoded by kernels: MatMulNBits takes the blocks of a channel together, DequantizeLinear leaves them where they are; MatMulBnb4 has levels and
 * blocks of its own (normal).
 */
export interface BlockForm {
  readonly kind: 'channels' | 'source' | 'normal';
  readonly layout: BlockLayout;
  readonly scheme: BlockScheme;
}

/** How the blocks of a form lie that data can help with: those of MatMulBnb4 are never among them. */
export function orderOf({ kind }: BlockForm): BlockOrder {
  return kind === 'source' ? 'source' : 'channels';
}

export interface WeightRequest<Form extends PackedForm | BlockForm = PackedForm | BlockForm> {
  /** Index of the node's input. */
  readonly input: number;
  readonly source: ConstantSource;
  readonly form: Form;
  /** Whether the summed axis is the last of the stored tensor: it is [N, K]. */
  readonly rows: boolean;
}

export interface NodePlan {
  readonly node: Node;
  readonly requests: readonly [WeightRequest];
  /** Whether the runtime rounds its activations to eight bits. */
  readonly integers: boolean;
  /** Least version of the ONNX operators it needs. */
  readonly opset: number;
  /** Edits the graph. Returns what was done, in words. */
  apply(edit: EditContext): string;
}

export interface EditContext {
  readonly activations: DynamicActivations;
  /** Weights that were restored to float already. */
  readonly restored: Map<QuantizedWeight, Value>;
  readonly dequantized: Map<BlockWeight, Value>;
  /** The stored form of the weight; requests of the same form of the same weight share it. */
  packed(request: WeightRequest<PackedForm>): QuantizedWeight;
  blocks(request: WeightRequest<BlockForm>): BlockWeight;
}

/** A plan, or the reason why there is none. */
export type Planned = NodePlan | string;

export interface PlanContext {
  readonly options: Settings;
  /** Constants that some node takes rows from. */
  readonly tables: ReadonlySet<Value>;
  /** Why operators of an opset cannot be used; null when they can. */
  obstacleTo(opset: number): string | null;
}

/** Shorter blocks would spend too much on their multipliers. */
const leastBlock = 8;

/**
 * A matrix at an input of a node, packed along an axis of it as the node sees it, with blocks of `blockSize` or the largest divisor of
 * the axis below; or the reason why it cannot be.
 */
export function requestPacked(
  input: number,
  source: ConstantSource,
  axis: number,
  bits: PackedWidth,
  context: PlanContext,
): WeightRequest<PackedForm> | string {
  return packed(input, source, matrixLayout(source, axis), bits, context);
}

/** A tensor at an input of a node, packed as rows of what its first axis has. */
export function requestRows(
  input: number,
  source: ConstantSource,
  bits: PackedWidth,
  context: PlanContext,
): WeightRequest<PackedForm> | string {
  return packed(input, source, rowLayout(source), bits, context);
}

function packed(
  input: number,
  source: ConstantSource,
  { k, n, rows }: BlockLayout,
  bits: PackedWidth,
  { options: { blockSize, codebook: wanted }, obstacleTo }: PlanContext,
): WeightRequest<PackedForm> | string {
  const obstacle = obstacleTo(packedOpset);
  const coding = obstacle === null && fillsNibbles(source.tensor.size, bits) ? 'nibbles' : 'tables';
  // What cannot be raised to opset 21 can seldom be raised at all.
  if (coding === 'tables' && obstacleTo(tableOpset) !== null) return obstacle ?? obstacleTo(tableOpset)!;

  const fitting = largestDivisor(k, blockSize);
  if (fitting < leastBlock) return `no block of ${leastBlock} to ${blockSize} elements divides ${k}`;
  const layout = { outer: rows ? n : 1, k, inner: rows ? 1 : n, blockSize: fitting };
  const codebook = wanted && bits === 2 && holdsVectors(layout);
  return { input, source, rows, form: { kind: 'packed', layout, bits, coding, codebook } };
}

/** A matrix at an input of a node in blocks along an axis of it as the node sees it. @param onlyProducts whether no table lookup shares its blocks. */
export function requestBlocks(
  kind: BlockForm['kind'],
  input: number,
  source: ConstantSource,
  axis: number,
  bits: BlockScheme['bits'],
  settings: Settings,
  onlyProducts = false,
): WeightRequest<BlockForm> {
  return blocks(kind, input, source, matrixLayout(source, axis), bits, settings, onlyProducts);
}

/** A tensor at an input of a node as rows of what its first axis has, in blocks along them. */
export function requestRowBlocks(
  input: number,
  source: ConstantSource,
  bits: BlockScheme['bits'],
  settings: Settings,
): WeightRequest<BlockForm> {
  return blocks('source', input, source, rowLayout(source), bits, settings, false);
}

function blocks(
  kind: BlockForm['kind'],
  input: number,
  source: ConstantSource,
  layout: BlockLayout,
  bits: BlockScheme['bits'],
  { blockSize, symmetric, algorithm, floatZeroPoints: wanted }: Settings,
  onlyProducts: boolean,
): WeightRequest<BlockForm> {
  const floatZeroPoints = wanted && onlyProducts;
  const search = searchOf(algorithm);
  const scheme: BlockScheme = {
    bits,
    blockSize: blockSize === 0 ? layout.k : blockSize,
    symmetric: symmetric && !floatZeroPoints,
    search,
    floatZeroPoints,
  };
  return { input, source, rows: layout.rows, form: { kind, layout, scheme } };
}

function matrixLayout(source: ConstantSource, axis: number): BlockLayout {
  return { k: source.shape[axis], n: source.shape[1 - axis], rows: source.permutation[axis] === 1 };
}

function rowLayout({ shape: [n], tensor: { size } }: ConstantSource): BlockLayout {
  return { k: size / n, n, rows: true };
}

function largestDivisor(length: number, most: number): number {
  let divisor = Math.min(most, length);
  while (divisor > 1 && length % divisor !== 0) divisor--;
  return divisor;
}

/** The opset that a packed weight needs. */
export function opsetOf({ form }: WeightRequest<PackedForm>): number {
  return form.coding === 'tables' ? tableOpset : packedOpset;
}

/** Shape in which the scales of a packed weight broadcast over the stored tensor. */
export function scaleShape({ form, rows }: WeightRequest<PackedForm>): readonly number[] {
  return rows ? [form.layout.outer, 1] : [1, form.layout.inner];
}
