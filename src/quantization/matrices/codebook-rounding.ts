// Matrices [K, N] rounded to vectors of a codebook with data: four neighbours along N share the row of the summed axis, so that what one row loses can be
// made up for by the rows behind it (GPTQ) as with single integers. The codebook is fitted to what an error of each row costs.
import { chooseVectors, fitCodebook, nearestEntries, vectorLength } from '../packed/codebook.js';
import type { RoundingGrid } from '../rounding/error-compensation.js';
import type { MatrixRounding } from './matrix-rounding.js';

export class CodebookRounding implements RoundingGrid {
  /** int8 [256, 4]. */
  readonly codebook: Int8Array;
  /** An entry for each four neighbours, [K, N / 4]. */
  readonly codes: Uint8Array;
  private readonly steps: MatrixRounding;
  private readonly n: number;
  private readonly blockSize: number;

  /**
   * @param steps chooses the steps of blocks, and keeps the integers.
   * @param weights [K, N], N a multiple of four.
   * @param importance what a squared error of each row costs; null: the same.
   */
  constructor(
    steps: MatrixRounding,
    weights: Float32Array,
    n: number,
    blockSize: number,
    importance: Float64Array | null,
  ) {
    this.steps = steps;
    this.n = n;
    this.blockSize = blockSize;
    this.codes = new Uint8Array(weights.length / vectorLength);
    this.fitAll(weights);
    this.codebook = this.fitVectors(weights, importance);
  }

  fit(weights: Float32Array, from: number, to: number): void {
    this.steps.fit(weights, from, to);
  }

  round(k: number, row: Float32Array, decoded: Float32Array): void {
    const { n, codes, codebook } = this;
    const values = new Float32Array(n);
    const weights = new Float32Array(n);
    for (let column = 0; column < n; column++) {
      const step = this.stepAt(k, column);
      values[column] = row[column] / step;
      weights[column] = step * step;
    }
    const own = codes.subarray((k * n) / vectorLength, ((k + 1) * n) / vectorLength);
    nearestEntries({ values, weights }, codebook, own);
    for (let column = 0; column < n; column++) {
      const integer = codebook[own[Math.floor(column / vectorLength)] * vectorLength + (column % vectorLength)];
      this.steps.integers[k * n + column] = integer;
      decoded[column] = integer * this.stepAt(k, column);
    }
  }

  /** Rounds every row to the nearest vectors. */
  roundAll(weights: Float32Array): void {
    const { n } = this;
    const decoded = new Float32Array(n);
    for (let k = 0; k * n < weights.length; k++) this.round(k, weights.subarray(k * n, (k + 1) * n), decoded);
  }

  private fitAll(weights: Float32Array): void {
    const k = weights.length / this.n;
    for (let from = 0; from < k; from += this.blockSize) {
      this.steps.fit(weights, from, Math.min(from + this.blockSize, k));
    }
  }

  private fitVectors(weights: Float32Array, importance: Float64Array | null): Int8Array {
    const { n } = this;
    const chosen = chooseVectors(weights.length / vectorLength);
    const length = chosen.length * vectorLength;
    const vectors = { values: new Float32Array(length), weights: new Float32Array(length) };
    for (let at = 0; at < length; at++) {
      const element = chosen[Math.floor(at / vectorLength)] * vectorLength + (at % vectorLength);
      const k = Math.floor(element / n);
      const step = this.stepAt(k, element % n);
      vectors.values[at] = weights[element] / step;
      vectors.weights[at] = step * step * (importance ? importance[k] : 1);
    }
    return fitCodebook(vectors);
  }

  private stepAt(k: number, column: number): number {
    return this.steps.steps[Math.floor(k / this.blockSize) * this.n + column];
  }
}
