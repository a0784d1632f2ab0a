// Labels of parts of a clip, in a .scv file beside it: the name of the clip, then start and end in seconds and a label, again and
// again (the format of the TEN VAD test set).
import { readFileSync } from 'node:fs';
import { usageError } from '../../errors.js';

export interface Segment {
  /** Seconds. */
  readonly start: number;
  readonly end: number;
  readonly label: number;
}

/** Null where there is no such file. */
export function readSegments(path: string, exists: (path: string) => boolean): readonly Segment[] | null {
  return exists(path) ? parseSegments(readFileSync(path, 'utf8'), path) : null;
}

export function parseSegments(text: string, path: string): readonly Segment[] {
  const [, ...numbers] = text.trim().split(',').map(Number);
  if (numbers.length % 3 !== 0 || numbers.some((value) => !Number.isFinite(value))) {
    throw usageError(`${path} is not a name followed by start, end and label of each part`);
  }
  const segments: Segment[] = [];
  for (let i = 0; i < numbers.length; i += 3) {
    segments.push({ start: numbers[i], end: numbers[i + 1], label: numbers[i + 2] });
  }
  return segments;
}

/** The label at a time, null where no part holds it. */
export function labelAt(segments: readonly Segment[], seconds: number): number | null {
  return segments.find(({ start, end }) => seconds >= start && seconds < end)?.label ?? null;
}
