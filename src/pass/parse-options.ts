// Options of a pass, checked against its schema; a mistake is answered with the nearest valid word.
import type { z } from 'zod';
import { type DsoptError, usageError } from '../errors.js';
import type { Pass } from './pass.js';

export function parseOptions<Options extends z.ZodObject>(
  pass: Pass<string, Options>,
  options: unknown,
): z.output<Options> {
  const result = pass.options.safeParse(options ?? {});
  if (result.success) return result.data;
  throw optionsError(pass.name, Object.keys(pass.options.shape), result.error);
}

/** The first problem zod found, in words. `place` is what the options belong to. */
export function optionsError(place: string, known: readonly string[], error: z.ZodError): DsoptError {
  const [issue] = error.issues;
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    const near = nearest(key, known);
    return usageError(
      `${place} has no option ${key}`,
      near ? `Did you mean ${near}?` : `It has: ${known.join(', ') || 'none'}.`,
    );
  }
  const hint = issue.code === 'invalid_value' ? `Possible: ${issue.values.map(String).join(', ')}.` : undefined;
  return usageError(`${place}: option ${path || '?'}: ${issue.message}`, hint);
}

/** The candidate closest to `word` in edit distance, null when none is close. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.ceil(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) ? 1 : editDistance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
