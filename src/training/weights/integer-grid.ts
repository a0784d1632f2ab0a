// Integers that stand for weights, W = (q − zeroPoint) · scale, with a scale for the whole tensor, for each slice along an axis, or for each block along it.
import { elementValues } from '../../metrics/index.js';
import { packElements, roundHalfToEven, unpackUnsigned } from '../../numeric/index.js';
import { MemoryTensor, sizeOf, type Tensor } from '../../tensor/index.js';

const ranges = {
  uint2: [0, 3],
  int4: [-8, 7],
  uint4: [0, 15],
  int8: [-128, 127],
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 1],
} as const;
export type IntegerType = keyof typeof ranges;

export interface IntegerGrid {
  readonly dataType: IntegerType;
  /** As it is computed with. */
  readonly shape: readonly number[];
  /** As it is stored, in the same order, where that is another one. */
  readonly storedShape?: readonly number[];
  /** Several of them fill a byte of a tensor of uint8. */
  readonly inBytes?: boolean;
  readonly zeroPoints: Float32Array | null;
  /** Position of the scale of element `i`. */
  readonly scaleOf: (i: number) => number;
}

export function isIntegerType(dataType: string): dataType is IntegerType {
  return dataType in ranges;
}

/** Where a scale of shape `scale` holds for the elements of `shape`; `given`: the axis of DequantizeLinear. */
export function scalePositions(
  shape: readonly number[],
  scale: readonly number[],
  given: number,
): (i: number) => number {
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

/** Smallest and largest number of steps from zero that element `i` can have. */
export function limitsOf({ dataType, zeroPoints, scaleOf }: IntegerGrid, i: number): readonly [number, number] {
  const [low, high] = ranges[dataType];
  const zeroPoint = zeroPoints?.[scaleOf(i)] ?? 0;
  return [low - zeroPoint, high - zeroPoint];
}

/** Whole steps from zero, within the range of the type. */
export function wholeSteps(grid: IntegerGrid, i: number, steps: number): number {
  const [low, high] = limitsOf(grid, i);
  return Math.min(high, Math.max(low, roundHalfToEven(steps)));
}

/** Steps from zero of each element. */
export function stepsOf(grid: IntegerGrid, integers: Tensor): Float32Array {
  const { dataType, inBytes, shape } = grid;
  const packed = inBytes && (dataType === 'uint2' || dataType === 'uint4');
  const bits = dataType === 'uint2' ? 2 : 4;
  const stored = packed
    ? Float32Array.from(unpackUnsigned(integers.bytes(), bits, sizeOf(shape)))
    : readIntegers(integers);
  return stored.map((q, i) => q - (grid.zeroPoints?.[grid.scaleOf(i)] ?? 0));
}

/** The tensor that is stored for so many steps from zero, rounded. */
export function storedIntegers(grid: IntegerGrid, steps: Float32Array): Tensor {
  const { dataType, zeroPoints, scaleOf, inBytes } = grid;
  const shape = grid.storedShape ?? grid.shape;
  const integers = Int32Array.from(steps, (value, i) => wholeSteps(grid, i, value) + (zeroPoints?.[scaleOf(i)] ?? 0));
  switch (dataType) {
    case 'uint2':
      return new MemoryTensor(inBytes ? 'uint8' : dataType, shape, packElements(Uint8Array.from(integers), 2));
    case 'int4':
    case 'uint4':
      return new MemoryTensor(inBytes ? 'uint8' : dataType, shape, packElements(Int8Array.from(integers), 4));
    case 'int8':
      return new MemoryTensor(dataType, shape, Int8Array.from(integers));
    case 'uint8':
      return new MemoryTensor(dataType, shape, Uint8Array.from(integers));
    default:
      return new MemoryTensor(dataType, shape, integers);
  }
}

/** As floats: exact up to 2^24. */
export function readIntegers(tensor: Tensor): Float32Array {
  return Float32Array.from(elementValues(tensor)!);
}
