// Fits the feeds of a sample to a model: every input there, of its type (converted where nothing is lost) and of its shape. What
// does not fit is an error that names the input, the shape expected and the shape given.
import type { Feeds, ValueInfo } from '../engine/index.js';
import { usageError } from '../errors.js';
import { type Dimension, formatType } from '../ir/index.js';
import { float32ToFloat16Array } from '../numeric/index.js';
import { type DataType, MemoryTensor, type Tensor } from '../tensor/index.js';
import type { ModelInterface, Sample, StatePair } from './dataset.js';

export function formatInput({ name, type }: ValueInfo): string {
  return `${name}: ${formatType(type)}`;
}

/** `float32[1,3,32,32]`. */
export function formatTensor({ dataType, shape }: Tensor): string {
  return `${dataType}[${shape.join(',')}]`;
}

/**
 * The sample with feeds that the model takes. State inputs may be missing; inputs the model does not have are dropped.
 */
export function fitSample(sample: Sample, model: ModelInterface, states: readonly StatePair[]): Sample {
  const feeds: Record<string, Tensor> = {};
  for (const input of model.inputs) {
    const given = sample.feeds[input.name];
    if (given) feeds[input.name] = fitTensor(given, input);
    else if (!states.some((state) => state.input === input.name)) throw missingInput(input, sample.feeds);
  }
  return { ...sample, feeds };
}

function missingInput(input: ValueInfo, feeds: Feeds): Error {
  const names = Object.keys(feeds);
  return usageError(
    `Input ${formatInput(input)} is not in the data, which has ${names.join(', ') || 'nothing'}`,
    'Data of several inputs can be an .npz file with one array an input, or a module that yields feeds.',
  );
}

function fitTensor(tensor: Tensor, input: ValueInfo): Tensor {
  const { type } = input;
  if (!type) throw usageError(`Input ${input.name} is not a tensor, and dsopt can feed tensors only`);
  const converted = convert(tensor, type.dataType);
  if (!converted) {
    throw usageError(`Input ${formatInput(input)} cannot be fed with ${formatTensor(tensor)}`);
  }
  const shape = type.shape === null ? converted.shape : fitShape(converted.shape, type.shape);
  if (!shape) {
    throw usageError(
      `Input ${input.name} expects ${formatType(type)}, and the data gives ${formatTensor(tensor)}`,
      'Data options (--image-size, --max-length, --window, --frame) change the shape of what is read.',
    );
  }
  return shape === converted.shape ? converted : new MemoryTensor(converted.dataType, shape, converted.read());
}

/** The shape to feed: as given, with missing leading axes of 1; the batch axis may be filled up later. Null: it does not fit. */
function fitShape(given: readonly number[], expected: readonly Dimension[]): readonly number[] | null {
  if (given.length > expected.length) return null;
  const missing = expected.length - given.length;
  const shape = missing === 0 ? given : [...new Array<number>(missing).fill(1), ...given];
  const fits = shape.every((length, axis) => {
    const dim = expected[axis];
    return typeof dim !== 'number' || dim === length || (axis === 0 && length === 1 && dim > 1);
  });
  return fits ? shape : null;
}

const widths: Partial<Record<DataType, readonly [number, number]>> = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
};

/** As `dataType`: floats among each other, integers among each other where every value fits, integers to floats. Null otherwise. */
export function convert(tensor: Tensor, dataType: DataType): Tensor | null {
  if (tensor.dataType === dataType) return tensor;
  const from = tensor.dataType;
  const isFloat = (type: DataType): boolean => /^float(16|32|64)$/.test(type);
  if (isFloat(dataType) && (isFloat(from) || from in widths)) return fromFloats(tensor, dataType);
  const range = widths[dataType];
  if (!range || !(from in widths)) return null;
  const values = tensor.readNumbers();
  if (values.some((value) => value < range[0] || value > range[1])) return null;
  return integerTensor(dataType, tensor.shape, values);
}

function fromFloats(tensor: Tensor, dataType: DataType): Tensor {
  const values = /int64/.test(tensor.dataType) ? Float32Array.from(tensor.readNumbers()) : tensor.readFloat32();
  if (dataType === 'float32') return new MemoryTensor(dataType, tensor.shape, values);
  if (dataType === 'float16') return new MemoryTensor(dataType, tensor.shape, float32ToFloat16Array(values));
  return new MemoryTensor(dataType, tensor.shape, Float64Array.from(values));
}

/** Numbers that are known to fit, as a tensor of an integer type. */
export function integerTensor(dataType: DataType, shape: readonly number[], values: readonly number[]): Tensor {
  switch (dataType) {
    case 'int64':
      return new MemoryTensor(dataType, shape, BigInt64Array.from(values, BigInt));
    case 'uint64':
      return new MemoryTensor(dataType, shape, BigUint64Array.from(values, BigInt));
    case 'int32':
      return new MemoryTensor(dataType, shape, Int32Array.from(values));
    case 'uint32':
      return new MemoryTensor(dataType, shape, Uint32Array.from(values));
    case 'int16':
      return new MemoryTensor(dataType, shape, Int16Array.from(values));
    case 'uint16':
      return new MemoryTensor(dataType, shape, Uint16Array.from(values));
    case 'int8':
      return new MemoryTensor(dataType, shape, Int8Array.from(values));
    default:
      return new MemoryTensor(dataType, shape, Uint8Array.from(values));
  }
}
