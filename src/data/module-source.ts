// Samples from a JavaScript module: its default export is an (async) iterable, or a function that gives one. It yields feeds, or
// { feeds, label } or { feeds, labels } (class indices), or { feeds, targets } (tensors by output name); `continues: true` carries
// state over from the sample before.
import { register } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ValueInfo } from '../engine/index.js';
import { DsoptError, usageError } from '../errors.js';
import { type DataType, dataTypes, MemoryTensor, Tensor, type TypedArray } from '../tensor/index.js';
import type { ParsedDataOptions } from './data-options.js';
import type { ModelInterface, Sample, Targets } from './dataset.js';
import { formatInput, integerTensor } from './fit.js';
import { flatten } from './nested-array.js';
import { classTarget, example, type StreamSource } from './source.js';

export async function openModule(
  path: string,
  _options: ParsedDataOptions,
  model: ModelInterface,
): Promise<StreamSource> {
  let exported: { default?: unknown };
  const typescript = /\.m?ts$/.test(path);
  try {
    if (typescript) loadTypeScript();
    exported = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
  } catch (cause) {
    throw new DsoptError('USAGE', `Cannot load ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      hint: typescript
        ? 'Only types are taken out: enums, namespaces and imports without extensions need a compiler.'
        : 'Check the module.',
      cause,
    });
  }
  return iterableSource(exported.default, path, model);
}

let loadsTypeScript = false;

/** Node.js takes types out itself from version 22.18 on; where modules are TypeScript anyway, as under a test runner, something else does. */
function loadTypeScript(): void {
  const { typescript } = process.features as { readonly typescript?: unknown };
  if (loadsTypeScript || typescript || extname(import.meta.url) === '.ts') return;
  loadsTypeScript = true;
  register(new URL('./typescript-hooks.js', import.meta.url));
}

/** `data` may be read more than once: a function is called each time, an iterable asked for a new iterator. */
export function iterableSource(data: unknown, name: string, model: ModelInterface): StreamSource {
  const open = (): AsyncIterable<unknown> | Iterable<unknown> => {
    const iterable: unknown = typeof data === 'function' ? data() : data;
    if (isIterable(iterable)) return iterable;
    throw usageError(`The default export of ${name} is no iterable, and no function that gives one`);
  };
  return {
    kind: 'module',
    noun: `samples of ${name}`,
    size: null,
    async *stream() {
      let index = 0;
      for await (const item of open()) yield toSample(item, model, `sample ${index++} of ${name}`);
    },
  };
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

interface YieldedSample {
  readonly feeds: Readonly<Record<string, unknown>>;
  readonly label?: number;
  readonly labels?: readonly number[];
  readonly targets?: Readonly<Record<string, unknown>>;
  readonly continues?: boolean;
}

function toSample(item: unknown, model: ModelInterface, where: string): Sample {
  if (typeof item !== 'object' || item === null)
    throw usageError(`The ${where} is ${typeof item}, not feeds by input name`);
  const sample = (isFeeds(item, model) ? { feeds: item } : item) as YieldedSample;
  if (typeof sample.feeds !== 'object' || sample.feeds === null) {
    throw usageError(`The ${where} has no feeds`, `Inputs of the model: ${model.inputs.map(formatInput).join(', ')}.`);
  }
  const tensors = (values: Readonly<Record<string, unknown>>, infos: readonly ValueInfo[]): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        const info = infos.find((candidate) => candidate.name === name) ?? null;
        return [name, toTensor(value, info, `${name} of the ${where}`)];
      }),
    );
  return example(tensors(sample.feeds, model.inputs), toTargets(sample, tensors, model), sample.continues === true);
}

/** Feeds themselves, and not a sample that holds them. */
function isFeeds(item: object, model: ModelInterface): boolean {
  return !('feeds' in item) || model.inputs.some(({ name }) => name === 'feeds');
}

function toTargets(
  { label, labels, targets }: YieldedSample,
  tensors: (values: Readonly<Record<string, unknown>>, infos: readonly ValueInfo[]) => Record<string, Tensor>,
  model: ModelInterface,
): Targets | null {
  if (label !== undefined) return classTarget(Number(label));
  if (labels !== undefined) {
    const values = Int32Array.from(labels, Number);
    return { kind: 'classes', perExample: values.length, values, text: null };
  }
  return targets === undefined ? null : { kind: 'tensors', tensors: tensors(targets, model.outputs) };
}

interface TensorLike {
  readonly type?: string;
  readonly dataType?: string;
  readonly dims?: readonly number[];
  readonly shape?: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** Tensors of dsopt and of onnxruntime, { dims, data }, typed arrays, nested arrays and numbers. */
function toTensor(value: unknown, info: ValueInfo | null, where: string): Tensor {
  if (value instanceof Tensor) return value;
  const declared = info?.type?.dataType ?? null;
  if (typeof value === 'object' && value !== null && 'data' in value && !ArrayBuffer.isView(value)) {
    const { data, dims, shape = dims, type, dataType = type } = value as TensorLike;
    const known = dataTypes.find((name) => name === dataType) ?? declared ?? arrayType(data);
    if (shape && known) return create(known, shape, data, where);
  } else if (ArrayBuffer.isView(value)) {
    const data = value as TypedArray;
    const known = declared ?? arrayType(data);
    if (known) return create(known, shapeFor(data.length, info), data, where);
  } else if (Array.isArray(value) || typeof value === 'number') {
    const { shape, values } = flatten(value);
    return create(declared ?? 'float32', shape, values, where);
  }
  throw usageError(`${where} is no tensor`, 'Give { dims, data }, a typed array, or nested arrays of numbers.');
}

/** The shape that the model knows, where one axis at most is open. */
function shapeFor(length: number, info: ValueInfo | null): readonly number[] {
  const dims = info?.type?.shape;
  if (!dims) return [length];
  // A batch of one, unless that axis is all that can grow.
  const shape = dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 && dims.length > 1 ? 1 : -1));
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  return shape.map((dim) => (dim === -1 ? length / known : dim));
}

function arrayType(data: unknown): DataType | null {
  const types: readonly (readonly [new () => TypedArray, DataType])[] = [
    [Float32Array, 'float32'],
    [Float64Array, 'float64'],
    [BigInt64Array, 'int64'],
    [BigUint64Array, 'uint64'],
    [Int32Array, 'int32'],
    [Uint32Array, 'uint32'],
    [Int16Array, 'int16'],
    [Uint16Array, 'uint16'],
    [Int8Array, 'int8'],
    [Uint8Array, 'uint8'],
  ];
  return types.find(([array]) => data instanceof array)?.[1] ?? null;
}

function create(dataType: DataType, shape: readonly number[], data: ArrayLike<number | bigint>, where: string): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (size !== data.length)
    throw usageError(`${where} has ${data.length} elements, and the shape [${shape}] takes ${size}`);
  if (ArrayBuffer.isView(data) && arrayType(data) === dataType)
    return new MemoryTensor(dataType, shape, data as unknown as TypedArray);
  if (ArrayBuffer.isView(data) && /^(float16|bfloat16|bool)$/.test(dataType)) {
    return new MemoryTensor(dataType, shape, data as unknown as TypedArray);
  }
  const values = Array.from(data, Number);
  if (dataType === 'float32') return new MemoryTensor(dataType, shape, Float32Array.from(values));
  if (dataType === 'float64') return new MemoryTensor(dataType, shape, Float64Array.from(values));
  if (dataType.startsWith('float')) return new MemoryTensor('float32', shape, Float32Array.from(values));
  return integerTensor(dataType, shape, values);
}
