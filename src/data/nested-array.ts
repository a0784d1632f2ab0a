// Arrays of arrays of numbers, as JSON and JavaScript write tensors.
import { usageError } from '../errors.js';

/** Nested arrays as their shape and elements. Throws USAGE for ragged ones. */
export function flatten(value: unknown): { readonly shape: readonly number[]; readonly values: readonly number[] } {
  if (!Array.isArray(value)) return { shape: [], values: [Number(value)] };
  const parts = value.map(flatten);
  const inner = parts[0]?.shape ?? [];
  if (parts.some(({ shape }) => shape.join() !== inner.join()))
    throw usageError('The data holds an array with rows of different lengths');
  return { shape: [value.length, ...inner], values: parts.flatMap(({ values }) => values) };
}
