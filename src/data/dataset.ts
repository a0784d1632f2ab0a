// What data is to the rest of dsopt: samples, each with feeds for a model and, where the data tells them, targets.
import type { Feeds, ValueInfo } from '../engine/index.js';
import type { Tensor } from '../tensor/index.js';

/** The model that data is prepared for. */
export interface ModelInterface {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Where its tokenizer and preprocessor_config.json may lie; null for a model without a file. */
  readonly folder: string | null;
}

/** Right answers as class indices: of each example, or of each position of each example (the next token of a text). */
export interface ClassTargets {
  readonly kind: 'classes';
  /** Answers of one example. */
  readonly perExample: number;
  /** `count × perExample`, row-major; a negative one is not scored. */
  readonly values: Int32Array;
  /** What the scored tokens of each example stand for in the text; null where it is not a language-modelling text. */
  readonly text: readonly TextExtent[] | null;
}

/** Words and UTF-8 bytes; fractions where a token is a part of a line whose tokens are not told apart. */
export interface TextExtent {
  readonly words: number;
  readonly bytes: number;
}

/** Right answers as tensors, by output name. */
export interface TensorTargets {
  readonly kind: 'tensors';
  readonly tensors: Readonly<Record<string, Tensor>>;
}

export type Targets = ClassTargets | TensorTargets;

export interface Sample {
  /** Every input but those that carry state. */
  readonly feeds: Feeds;
  /** Examples along the batch axis. Feeds hold more where a fixed batch axis had to be filled: those come after. */
  readonly count: number;
  readonly targets: Targets | null;
  /** Follows the sample before it in one sequence: state carries over. */
  readonly continues: boolean;
}

export const dataKinds = ['images', 'arrays', 'text', 'language', 'audio', 'module'] as const;
export type DataKind = (typeof dataKinds)[number];

export interface Dataset {
  readonly kind: DataKind;
  /** What was taken from where, for reports: `872 of 872 records of dev.tsv`. */
  readonly description: string;
  /** Examples (texts, images, rows, clips); null where only reading to the end would tell. */
  readonly size: number | null;
  /** Class names in the order of their indices, where the data names them. */
  readonly classNames: readonly string[] | null;
  /** Pairs of state input and output names. */
  readonly states: readonly StatePair[];
  /** Tokens are the bytes of the text. */
  readonly byteLevel: boolean;
  /** What rows of different length are filled up with in a batch, by input; null: shapes must agree. */
  readonly padding: Readonly<Record<string, number>> | null;
  /** The token that stands for a hidden word; null where the data is no text, or its tokenizer has none. */
  readonly maskToken: number | null;
  /** The samples in order, the same ones each time, `batch` examples at once where the model allows it (default 1). */
  samples(batch?: number): AsyncIterable<Sample>;
  /** Removes what reading needed on disk. */
  close(): Promise<void>;
}

/** An output whose value is fed to an input in the next step of a sequence. */
export interface StatePair {
  readonly input: string;
  readonly output: string;
}
