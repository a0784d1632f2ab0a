// Where samples come from, before they are selected, fitted to the model and batched.
import type { DataKind, Sample, StatePair } from './dataset.js';

interface SourceFacts {
  readonly kind: DataKind;
  /** `records of dev.tsv`. */
  readonly noun: string;
  readonly classNames?: readonly string[] | null;
  readonly states?: readonly StatePair[];
  readonly byteLevel?: boolean;
  /** Batches may be filled up to the longest: the value that pads each input, by its name. Null: shapes must agree. */
  readonly padding?: Readonly<Record<string, number>> | null;
  /** The token that stands for a hidden word, where the tokenizer has one. */
  readonly maskToken?: number | null;
  close?(): Promise<void>;
}

/** Examples that can be read in any order. */
export interface IndexedSource extends SourceFacts {
  readonly size: number;
  /** Example `index`, which is several samples where it is a sequence. */
  read(index: number): Promise<readonly Sample[]>;
  /** Several examples in the order asked for, where reading them together costs less. */
  readTogether?(indices: readonly number[]): Promise<readonly (readonly Sample[])[]>;
}

/** Examples that come one after the other. */
export interface StreamSource extends SourceFacts {
  readonly size: null;
  stream(): AsyncIterable<Sample>;
}

export type Source = IndexedSource | StreamSource;

/** One example as a sample. */
export function example(feeds: Sample['feeds'], targets: Sample['targets'] = null, continues = false): Sample {
  return { feeds, count: 1, targets, continues };
}

/** One class index as targets. */
export function classTarget(label: number): Sample['targets'] {
  return { kind: 'classes', perExample: 1, values: Int32Array.of(label), text: null };
}
