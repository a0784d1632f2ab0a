// Damaged copies of encoded models: flipped bits, other bytes, edited lengths, pieces cut out, doubled, or taken from elsewhere.
import type { Random } from '../../src/numeric/index.js';
import type { Mutant } from './mutant.js';

type Mutation = (bytes: Uint8Array, random: Random, donor: Uint8Array) => Mutant;

/** A damaged copy of `bytes`, the same for the same stream of numbers; `donor` gives pieces. */
export function mutateBytes(bytes: Uint8Array, random: Random, donor: Uint8Array): Mutant {
  let result: Mutant = { bytes: bytes.slice(), edits: 0 };
  // Mostly one mutation: what is damaged lightly gets further.
  for (let count = random.int(2) ? 1 : 1 + random.int(4); count > 0 && result.bytes.length > 0; count--) {
    const next = mutations[random.int(mutations.length)](result.bytes, random, donor);
    result = { bytes: next.bytes, edits: result.edits + next.edits };
  }
  return result;
}

/** Very few half of the time. */
function someOf(most: number, random: Random): number {
  return 1 + random.int(random.int(2) ? 3 : most);
}

const flipBits: Mutation = (bytes, random) => {
  const edits = someOf(64, random);
  for (let count = 0; count < edits; count++) bytes[random.int(bytes.length)] ^= 1 << random.int(8);
  return { bytes, edits };
};

/** Bytes at which varints, tags and sizes have their edges. */
const edges = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x0a, 0x12];

const replaceBytes: Mutation = (bytes, random) => {
  const edits = someOf(64, random);
  for (let count = 0; count < edits; count++) {
    bytes[random.int(bytes.length)] = random.int(2) ? random.int(256) : edges[random.int(edges.length)];
  }
  return { bytes, edits };
};

const truncate: Mutation = (bytes, random) => ({ bytes: bytes.slice(0, random.int(bytes.length)), edits: 1 });

/** Fields that look length-delimited get another length: of a neighbour's size, tiny, huge or endless. */
const editLength: Mutation = (bytes, random) => {
  const start = random.int(bytes.length);
  for (let index = start; index < Math.min(bytes.length - 1, start + 200); index++) {
    if (bytes[index] % 8 !== 2 || bytes[index] > 0x7f) continue;
    const replacements = [
      [(bytes[index + 1] + 1) & 0x7f],
      [Math.max(0, (bytes[index + 1] & 0x7f) - 1)],
      [0],
      [0x80 + random.int(128), 1 + random.int(127)],
      [0xff, 0xff, 0xff, 0xff, 0x07],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ];
    return replace(bytes, index + 1, 1, Uint8Array.from(replacements[random.int(replacements.length)]));
  }
  return { bytes, edits: 0 };
};

const remove: Mutation = (bytes, random) =>
  replace(bytes, random.int(bytes.length), someOf(64, random), new Uint8Array(0));

const double: Mutation = (bytes, random) => {
  const start = random.int(bytes.length);
  return replace(bytes, start, 0, bytes.slice(start, start + someOf(256, random)));
};

const splice: Mutation = (bytes, random, donor) => {
  const start = random.int(donor.length + 1);
  const piece = donor.slice(start, start + someOf(256, random));
  return replace(bytes, random.int(bytes.length), random.int(2) ? piece.length : 0, piece);
};

const mutations = [flipBits, flipBits, replaceBytes, replaceBytes, truncate, editLength, remove, double, splice];

function replace(bytes: Uint8Array, start: number, count: number, replacement: Uint8Array): Mutant {
  const result = Buffer.concat([bytes.subarray(0, start), replacement, bytes.subarray(start + count)]);
  return { bytes: Uint8Array.from(result), edits: Math.max(count, replacement.length) };
}
