// Integers that training throws to and fro: a weight whose gradient points over a rounding boundary from both sides changes its integer again and again, and
// where training happens to end it may be on the worse side. Such ones are fixed at the integer that they had most (Nagel et al. 2022, iterative freezing).

/** Of one weight, as floats, so that checkpoints keep them like what is trained. */
export interface Oscillations {
  /** By element: its last integer, which way it went last, and how often it turned back; see `encode`. */
  readonly tracks: Float32Array;
  /** Moving average of the integer. */
  readonly means: Float32Array;
}

/** An element that turned back so often is fixed. */
const mostTurns = 2;
/** Share of the newest integer in the mean. */
const newest = 0.02;
/** Turns, three ways and whether it is fixed, below the integer. */
const codes = 16;
const fixedCode = 15;

/** Variables in which the course of a weight's integers is kept. */
export function oscillationNames(weight: string): { readonly tracks: string; readonly means: string } {
  return { tracks: `${weight}/tracks`, means: `${weight}/means` };
}

export function isOscillation(variable: string): boolean {
  return /\/(?:tracks|means)$/.test(variable);
}

export function startOscillations(integers: Float32Array): Oscillations {
  return { tracks: integers.map((integer) => encode(integer, 0, 0)), means: integers.slice() };
}

/**
 * Sees the integer that element `i` has now.
 * @returns the integer at which it is fixed from now on; null where it is free.
 */
export function seeInteger({ tracks, means }: Oscillations, i: number, integer: number): number | null {
  const last = Math.floor(tracks[i] / codes);
  const code = tracks[i] - last * codes;
  if (code === fixedCode) return last;
  means[i] += newest * (integer - means[i]);
  if (integer === last) return null;
  const before = (code % 3) - 1;
  const way = Math.sign(integer - last);
  const turns = Math.floor(code / 3) + (before === -way ? 1 : 0);
  if (turns < mostTurns) {
    tracks[i] = encode(integer, way, turns);
    return null;
  }
  const most = Math.round(means[i]);
  tracks[i] = most * codes + fixedCode;
  return most;
}

/** Whole numbers below 2^24, which a float32 holds exactly. */
function encode(integer: number, way: number, turns: number): number {
  return integer * codes + 3 * turns + (way + 1);
}
