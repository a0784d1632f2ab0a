// Quantization-aware training of a quantized model (Jacob et al. 2018): the integers behind DequantizeLinear become the floats that they stand for. The
// graph is fed these rounded to their grid, the optimizer moves the floats behind them, and integers on the same scales are written back.
import { throwIfAborted } from '../errors.js';
import { cloneModel, type Model, type Node, type Value } from '../ir/index.js';
import { elementValues } from '../metrics/index.js';
import { packElements, roundHalfToEven } from '../numeric/index.js';
import { constantSource } from '../ops/index.js';
import { float32Tensor, MemoryTensor, type Tensor } from '../tensor/index.js';

/** What a weight is rounded to when it is fed. */
export interface WeightRounding {
  /** What `values` of the weight `name` become: a buffer that the next call for the same weight reuses; `values` where it stays in float. */
  apply(name: string, values: Float32Array): Float32Array;
  /** Whether zeros of this weight may come from rounding alone. */
  rounds(name: string): boolean;
}

const ranges = {
  int4: [-8, 7],
  uint4: [0, 15],
  int8: [-128, 127],
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 1],
} as const;
type IntegerType = keyof typeof ranges;

/** Integers in a model: W = (q − zeroPoint) · scale. */
interface IntegerWeight {
  /** Of the initializer that holds q. */
  readonly holder: string;
  readonly dataType: IntegerType;
  readonly shape: readonly number[];
  readonly scales: Float32Array;
  readonly zeroPoints: Float32Array | null;
  /** Position of the scale of element `i`. */
  readonly scaleOf: (i: number) => number;
}

export class IntegerWeights implements WeightRounding {
  /** The model with floats in place of integers. */
  readonly model: Model;
  private readonly weights: ReadonlyMap<string, IntegerWeight>;
  private readonly buffers = new Map<string, Float32Array>();

  private constructor(model: Model, weights: ReadonlyMap<string, IntegerWeight>) {
    this.model = model;
    this.weights = weights;
  }

  /** null where the model has none. */
  static of(quantized: Model, signal: AbortSignal): IntegerWeights | null {
    const model = cloneModel(quantized);
    const { graph } = model;
    const weights = new Map<string, IntegerWeight>();
    const nodes = [...graph.nodes()].filter((node) => node.is('DequantizeLinear'));
    for (const node of nodes) {
      throwIfAborted(signal);
      const weight = integerWeight(node);
      if (!weight) continue;
      const values = dequantize(weight, constantSource(node.input(0))!.tensor);
      const latent = graph.addInitializer(`training/${node.output.name}`, float32Tensor(weight.shape, values));
      for (const use of [...node.output.uses]) use.node.replaceInput(use.index, latent);
      weights.set(latent.name, weight);
    }
    return weights.size > 0 ? new IntegerWeights(model, weights) : null;
  }

  rounds(name: string): boolean {
    return this.weights.has(name);
  }

  apply(name: string, values: Float32Array): Float32Array {
    const weight = this.weights.get(name);
    if (!weight) return values;
    const { scales, scaleOf } = weight;
    const result = this.buffers.get(name) ?? new Float32Array(values.length);
    this.buffers.set(name, result);
    for (let i = 0; i < values.length; i++) {
      const at = scaleOf(i);
      const zeroPoint = weight.zeroPoints?.[at] ?? 0;
      result[i] = (rounded(values[i], scales[at], zeroPoint, weight.dataType) - zeroPoint) * scales[at];
    }
    return result;
  }

  /** Puts the integers of the trained floats into `quantized`; gives the nodes that use those that changed. */
  writeTo(quantized: Model): Set<Node> {
    const initializers = new Map([...quantized.graph.initializers].map((value) => [value.name, value]));
    const floats = new Map([...this.model.graph.initializers].map((value) => [value.name, value.constant!]));
    const changed = new Set<Node>();
    for (const [name, weight] of this.weights) {
      const value = initializers.get(weight.holder)!;
      const integers = quantize(weight, floats.get(name)!.readFloat32());
      if (Buffer.compare(Buffer.from(integers.bytes()), Buffer.from(value.constant!.bytes())) === 0) continue;
      value.constant = integers;
      for (const node of consumers(value)) changed.add(node);
    }
    return changed;
  }
}

/** The nodes behind those that decode. */
function consumers(value: Value): Node[] {
  return [...value.uses].flatMap(({ node }) => (node.is('Cast', 'DequantizeLinear') ? consumers(node.output) : [node]));
}

function integerWeight(node: Node): IntegerWeight | null {
  const source = constantSource(node.input(0));
  const scale = node.input(1)?.constant;
  const zeroPoint = node.input(2) ? constantSource(node.input(2)) : null;
  if (!source?.value.isInitializer || scale?.dataType !== 'float32' || (node.input(2) && !zeroPoint)) return null;
  const { dataType, shape } = source.tensor;
  const decodes = [...source.value.uses].every(({ node: user }) => user.is('Cast', 'DequantizeLinear'));
  if (!(dataType in ranges) || !decodes || source.path.some(({ opType }) => opType !== 'Cast')) return null;
  const type = dataType as IntegerType;
  return {
    holder: source.value.name,
    dataType: type,
    shape,
    scales: scale.readFloat32(),
    zeroPoints: zeroPoint && readIntegers(zeroPoint.tensor),
    scaleOf: scalePositions(shape, scale.shape, node.attributes.int('axis', 1)),
  };
}

/** Scales of the whole tensor, one a slice along `axis`, or one a block along it. */
function scalePositions(shape: readonly number[], scale: readonly number[], given: number): (i: number) => number {
  const count = scale.reduce((a, b) => a * b, 1);
  if (count === 1) return () => 0;
  const axis = given < 0 ? given + shape.length : given;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  if (scale.length === 1) return (i) => Math.floor(i / inner) % shape[axis];
  const blocks = scale[axis];
  const block = Math.ceil(shape[axis] / blocks);
  return (i) => {
    const k = Math.floor(i / inner) % shape[axis];
    const outer = Math.floor(i / (inner * shape[axis]));
    return (outer * blocks + Math.floor(k / block)) * inner + (i % inner);
  };
}

function rounded(value: number, scale: number, zeroPoint: number, dataType: IntegerType): number {
  const [low, high] = ranges[dataType];
  return Math.min(high, Math.max(low, roundHalfToEven(value / scale) + zeroPoint));
}

function dequantize({ scales, zeroPoints, scaleOf }: IntegerWeight, tensor: Tensor): Float32Array {
  return readIntegers(tensor).map((q, i) => {
    const at = scaleOf(i);
    return (q - (zeroPoints?.[at] ?? 0)) * scales[at];
  });
}

function quantize(weight: IntegerWeight, values: Float32Array): Tensor {
  const { scales, zeroPoints, scaleOf, dataType, shape } = weight;
  const integers = Int32Array.from(values, (value, i) => {
    const at = scaleOf(i);
    return rounded(value, scales[at], zeroPoints?.[at] ?? 0, dataType);
  });
  switch (dataType) {
    case 'int4':
    case 'uint4':
      return new MemoryTensor(dataType, shape, packElements(Int8Array.from(integers), 4));
    case 'int8':
      return new MemoryTensor(dataType, shape, Int8Array.from(integers));
    case 'uint8':
      return new MemoryTensor(dataType, shape, Uint8Array.from(integers));
    default:
      return new MemoryTensor(dataType, shape, integers);
  }
}

/** As floats: exact up to 2^24. */
function readIntegers(tensor: Tensor): Float32Array {
  return Float32Array.from(elementValues(tensor)!);
}
