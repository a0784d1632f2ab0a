// What one example says of a model: how its answers compare with the right ones, and its outputs with those of the original.

/** Two vectors, the second an approximation of the first. */
export interface Distance {
  readonly elements: number;
  /** Σ reference². */
  readonly signal: number;
  /** Σ (reference − other)². */
  readonly noise: number;
  readonly cosine: number;
}

export interface AnswerScore {
  /** Answers that were scored. */
  readonly scored: number;
  readonly top1: number;
  readonly top5: number;
  /** Sum over them, in nats. */
  readonly nll: number;
  /** Of the text that the answers stand for; 0 where it is no text. */
  readonly words: number;
  readonly bytes: number;
  /** Right answer and the one given, in turns. */
  readonly pairs: Int32Array;
}

export interface Comparison {
  /** Rows of class scores that were compared; 0 where outputs are no class scores. */
  readonly rows: number;
  readonly agreeing: number;
  /** Rows that are finite in both, and the sum of their divergences in nats. */
  readonly finiteRows: number;
  readonly kl: number;
  /** Of the rows that are finite in both; of the whole output where there are no rows. */
  readonly distance: Distance;
}

export interface Observation {
  /** null where the data holds no class answers. */
  readonly answers: AnswerScore | null;
  /** From right outputs; null where the data holds none. */
  readonly fromTarget: Distance | null;
  /** With the original; null for the original itself. */
  readonly comparison: Comparison | null;
}

/** Adds up a distance over ranges of two arrays. */
export class DistanceSum {
  private elements = 0;
  private dot = 0;
  private signal = 0;
  private squares = 0;
  private noise = 0;

  /** Elements [from, to) of both. */
  add(reference: ArrayLike<number>, other: ArrayLike<number>, from: number, to: number): void {
    let { dot, signal, squares, noise } = this;
    for (let i = from; i < to; i++) {
      const a = reference[i];
      const b = other[i];
      dot += a * b;
      signal += a * a;
      squares += b * b;
      noise += (a - b) * (a - b);
    }
    this.elements += to - from;
    this.dot = dot;
    this.signal = signal;
    this.squares = squares;
    this.noise = noise;
  }

  /** Two equal vectors have the cosine 1, also where both are 0. */
  get value(): Distance {
    const { elements, dot, signal, squares, noise } = this;
    return { elements, signal, noise, cosine: noise === 0 ? 1 : dot / Math.sqrt(signal * squares) };
  }
}
