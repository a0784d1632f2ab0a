// Shares as options of passes: 0.6 and '60%' are the same.
import { z } from 'zod';
import { usageError } from '../errors.js';

/** More than nothing, at most all; read with `parseShare`. */
export const shareOption = z.union([z.number().gt(0).max(1), z.string().regex(/^\d+(\.\d+)?%$/)], {
  error: 'must be a share such as 60%',
});

/** More than nothing, less than all; read with `parseShare`. */
export const partOption = z.union([z.number().gt(0).lt(1), z.string().regex(/^(?=.*[1-9])\d{1,2}(\.\d+)?%$/)], {
  error: 'must be a share below 1, such as 0.5 or 50%',
});

/** Throws USAGE where it is none. */
export function parseShare(value: number | string): number {
  if (typeof value === 'number') return value;
  const number = value.endsWith('%') ? Number(value.slice(0, -1)) / 100 : Number(value);
  if (!(number > 0 && number <= 1)) throw usageError(`${value} is not a share between 0 and 100 %`);
  return number;
}
