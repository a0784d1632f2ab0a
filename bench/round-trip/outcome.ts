// What can come of a round trip (load, save, and let onnxruntime compute the same with original and copy), and how it is told.

/** In the order of the columns of the table, with their headings. */
export const outcomes = {
  /** The copy gives bit-identical outputs. */
  identical: 'bit-identical',
  /** Two runs of the original differ. */
  random: 'random',
  /** onnxruntime loads both, but the original does not run: no inputs were found that it takes, or no output can be fetched. */
  'not-run': 'cannot be run here',
  /** onnxruntime ends the process, or hangs, at the original. */
  crash: 'onnxruntime dies',
  /** onnxruntime loads neither; dsopt reads and writes the model all the same. */
  'not-loaded': 'not for onnxruntime',
  /** Both dsopt and onnxruntime refuse the file: it is broken. */
  refused: 'refused as broken',
  /** A defect of dsopt. */
  failed: 'failed',
} as const;

export type Outcome = keyof typeof outcomes;

export interface Result {
  readonly outcome: Outcome;
  /** Why the outcome is not `identical`. */
  readonly reason: string;
}

export interface RoundTrip extends Result {
  readonly path: string;
}

/** A model is begun, its copy is about to be loaded, or it is done. */
export type WorkerMessage = { readonly begin: string } | { readonly copy: string } | RoundTrip;
