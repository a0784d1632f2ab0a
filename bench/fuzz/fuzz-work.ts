// What the fuzzer and its thread know of each other.

/** Progress of the thread: the case it is at, and what has come out so far. */
export const slots = { current: 0, accepted: 1, refused: 2, mutatedBytes: 3 } as const;

export interface FuzzWork {
  readonly files: readonly string[];
  readonly seed: number;
  readonly first: number;
  readonly last: number;
  readonly progress: SharedArrayBuffer;
}
