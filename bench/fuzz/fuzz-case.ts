// Damaged model number `index` of a seed: which file, and what was done to it.
import { readFileSync } from 'node:fs';
import { createRandom, type Random } from '../../src/numeric/index.js';
import type { Mutant } from './mutant.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateFields } from './mutate-fields.js';

export interface FuzzCase extends Mutant {
  readonly file: string;
  /** The file that pieces were taken from. */
  readonly donor: string;
}

/** Damaged bytes are mostly refused early; damaged fields get further. */
const byteShare = 0.25;

const contents = new Map<string, Uint8Array>();

function read(file: string): Uint8Array {
  // No Buffer: its slices are views, and damage would add up.
  const bytes = contents.get(file) ?? new Uint8Array(readFileSync(file));
  contents.set(file, bytes);
  return bytes;
}

export function fuzzCase(files: readonly string[], seed: number, index: number): FuzzCase {
  const random = createRandom(seed).fork(String(index));
  const pick = (): string => files[random.int(files.length)];
  const [file, donor] = [pick(), pick()];
  return { file, donor, ...damage(read(file), random, read(donor)) };
}

function damage(bytes: Uint8Array, random: Random, donor: Uint8Array): Mutant {
  if (random.next() < byteShare) return mutateBytes(bytes, random, donor);
  try {
    return mutateFields(bytes, random, donor);
  } catch (error) {
    // One of the two is damaged already and has no fields.
    if (error instanceof RangeError) return mutateBytes(bytes, random, donor);
    throw error;
  }
}
