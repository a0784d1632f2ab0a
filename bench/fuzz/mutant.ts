// A damaged copy of a model.
export interface Mutant {
  readonly bytes: Uint8Array;
  /** Bytes that were replaced, inserted, moved or removed on purpose; what is cut off at the end counts as one. */
  readonly edits: number;
}
