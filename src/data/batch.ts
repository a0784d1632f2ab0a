// Samples of one example joined along the batch axis. Texts of different length are padded where the model has a mask; what else
// differs in shape goes into batches of its own; a fixed batch axis is filled up with copies.
import type { Feeds } from '../engine/index.js';
import { usageError } from '../errors.js';
import { bitsPerElement, byteLengthOf, MemoryTensor, type Tensor, typedArrayOf } from '../tensor/index.js';
import type { ClassTargets, ModelInterface, Sample, Targets } from './dataset.js';
import { integerTensor } from './fit.js';

export type Padding = Readonly<Record<string, number>> | null;

/**
 * Examples that the model takes at once, told from one of them: the fixed length of the batch axis, 1 where an input has none, null
 * when any number will do.
 */
export function fixedBatch({ inputs }: ModelInterface, { feeds }: Sample): number | null {
  const lengths = inputs.flatMap(({ name, type }) => {
    const first = type?.shape?.[0];
    if (typeof first !== 'number' || !feeds[name]) return [];
    return feeds[name].shape[0] === first ? [1] : [first];
  });
  return lengths.length > 0 ? Math.min(...lengths) : null;
}

/** `length` examples at once; `fixed`: the model takes exactly that many. Feeds of every sample hold one example, axis 0 the batch. */
export async function* batchSamples(
  samples: AsyncIterable<Sample>,
  length: number,
  { fixed, padding }: { fixed: boolean; padding: Padding },
): AsyncGenerator<Sample> {
  let group: Sample[] = [];
  for await (const sample of samples) {
    if (group.length > 0 && (group.length === length || !canJoin(group[0], sample, padding))) {
      yield join(group, fixed ? length : group.length, padding);
      group = [];
    }
    group.push(sample);
  }
  if (group.length > 0) yield join(group, fixed ? length : group.length, padding);
}

function canJoin(a: Sample, b: Sample, padding: Padding): boolean {
  if (b.continues || targetShape(a.targets) !== targetShape(b.targets)) return false;
  return Object.entries(a.feeds).every(([name, { shape }]) => {
    const other = b.feeds[name].shape;
    // Scalars (a sampling rate) are the same for all.
    if (shape.length === 0) return other.length === 0 && sameBytes(a.feeds[name], b.feeds[name]);
    if (shape.length !== other.length) return false;
    if (shape[0] !== 1 || other[0] !== 1) return false;
    if (padding && name in padding && shape.length === 2) return true;
    return shape.every((dim, axis) => dim === other[axis]);
  });
}

function targetShape(targets: Targets | null): string {
  if (!targets) return '';
  if (targets.kind === 'classes') return `classes ${targets.perExample}`;
  return Object.entries(targets.tensors)
    .map(([name, { shape }]) => `${name} ${shape}`)
    .join();
}

function sameBytes(a: Tensor, b: Tensor): boolean {
  return Buffer.compare(a.bytes(), b.bytes()) === 0;
}

/** Samples of one example as one; ragged rows are padded to at least `rowLength`. */
export function joinSamples(group: readonly Sample[], padding: Padding, rowLength = 0): Sample {
  return join(group, group.length, padding, rowLength);
}

function join(group: readonly Sample[], length: number, padding: Padding, rowLength = 0): Sample {
  const [first] = group;
  if (length === 1 && rowLength === 0) return first;
  const filled = [...group, ...new Array<Sample>(length - group.length).fill(group[group.length - 1])];
  const feeds: Record<string, Tensor> = {};
  for (const name of Object.keys(first.feeds)) {
    const tensors = filled.map((sample) => sample.feeds[name]);
    feeds[name] = tensors[0].shape.length === 0 ? tensors[0] : stack(padded(tensors, padding?.[name], rowLength));
  }
  return { feeds, count: group.length, targets: joinTargets(group), continues: first.continues };
}

/** Rows brought to the length of the longest, or to `least`; only integer rows [1, length] are ragged. */
function padded(tensors: readonly Tensor[], value: number | undefined, least: number): readonly Tensor[] {
  if (value === undefined || tensors[0].shape.length !== 2) return tensors;
  const longest = Math.max(least, ...tensors.map(({ shape }) => shape[1]));
  return tensors.map((tensor) => {
    const missing = longest - tensor.shape[1];
    if (missing === 0) return tensor;
    return integerTensor(
      tensor.dataType,
      [1, longest],
      [...tensor.readNumbers(), ...new Array<number>(missing).fill(value)],
    );
  });
}

/** Along the first axis; the other lengths are those of the first. Throws USAGE for elements smaller than a byte. */
export function stack(tensors: readonly Tensor[]): Tensor {
  const [{ dataType, shape }] = tensors;
  if (bitsPerElement(dataType) < 8) throw usageError(`Tensors of ${dataType} cannot be batched`, 'Use --batch 1.');
  const result = new Uint8Array(
    byteLengthOf(
      dataType,
      tensors.reduce((sum, { size }) => sum + size, 0),
    ),
  );
  let position = 0;
  for (const tensor of tensors) {
    result.set(tensor.bytes(), position);
    position += tensor.byteLength;
  }
  const rows = tensors.reduce((sum, tensor) => sum + tensor.shape[0], 0);
  return new MemoryTensor(dataType, [rows, ...shape.slice(1)], typedArrayOf(dataType, result));
}

function joinTargets(group: readonly Sample[]): Targets | null {
  const [{ targets: first }] = group;
  if (!first) return null;
  if (first.kind === 'tensors') {
    const all = group.map(({ targets }) => (targets as typeof first).tensors);
    return { kind: 'tensors', tensors: mapValues(first.tensors, (name) => stack(all.map((tensors) => tensors[name]))) };
  }
  const all = group.map(({ targets }) => targets as ClassTargets);
  const values = new Int32Array(all.length * first.perExample);
  for (const [i, targets] of all.entries()) values.set(targets.values, i * first.perExample);
  return {
    kind: 'classes',
    perExample: first.perExample,
    values,
    text: first.text && all.flatMap(({ text }) => text ?? []),
  };
}

function mapValues(feeds: Feeds, make: (name: string) => Tensor): Feeds {
  return Object.fromEntries(Object.keys(feeds).map((name) => [name, make(name)]));
}
