// How faithful a changed model is to its original: one output of both, compared element by element over any number of samples.
// Sums are kept in float64. An element that is the same infinity on both sides (attention masks) counts as equal.
import { StringTensor, type Tensor } from '../tensor/index.js';
import { elementValues } from './element-values.js';

export interface Fidelity {
  /**
   * Cosine of the angle between all of the original's elements and all of the result's, in [-1, 1]: 1 for two zero vectors, 0 for
   * one. null where the elements are no numbers or nothing was comparable.
   */
  readonly cosine: number | null;
  /** Signal to quantization noise in dB: Infinity without noise, -Infinity for noise without signal. null as for `cosine`. */
  readonly sqnr: number | null;
  /** The largest |original - result| of finite elements. null as for `cosine`. */
  readonly maxAbsError: number | null;
  /** Every bit is the same. */
  readonly identical: boolean;
  /** Elements that became NaN, or infinite where they were finite. */
  readonly nonFinite: number;
  /** Samples for which the shapes differ; their elements are not compared. */
  readonly differentShapes: number;
}

/** Collects the samples of one output. */
export class FidelityMeter {
  private dot = 0;
  private signal = 0;
  private resultSquares = 0;
  private noise = 0;
  private largest = 0;
  private nonFinite = 0;
  private differentShapes = 0;
  private comparable = false;
  private identical = true;

  /** Throws RangeError when the element types differ. */
  add(original: Tensor, result: Tensor): void {
    if (original.dataType !== result.dataType) {
      throw new RangeError(`${original.dataType} and ${result.dataType} elements cannot be compared`);
    }
    if (original.shape.length !== result.shape.length || original.shape.some((dim, i) => dim !== result.shape[i])) {
      this.differentShapes++;
      this.identical = false;
      return;
    }
    const same = sameBits(original, result);
    if (!same) this.identical = false;
    const a = elementValues(original);
    const b = same ? a : elementValues(result);
    if (a === null || b === null) return;
    this.comparable = true;
    this.compare(a, b);
  }

  get fidelity(): Fidelity {
    const { comparable, identical, nonFinite, differentShapes } = this;
    const defined = (value: number): number | null => (comparable ? value : null);
    return {
      cosine: defined(this.cosine()),
      sqnr: defined(this.noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(this.signal / this.noise)),
      maxAbsError: defined(this.largest),
      identical,
      nonFinite,
      differentShapes,
    };
  }

  private compare(original: ArrayLike<number>, result: ArrayLike<number>): void {
    let { dot, signal, resultSquares, noise, largest } = this;
    for (let i = 0; i < original.length; i++) {
      const x = original[i];
      const y = result[i];
      const difference = x - y;
      // Infinite or NaN on one side or both.
      if (difference - difference !== 0) {
        if (Number.isNaN(y) ? !Number.isNaN(x) : Number.isFinite(x) && !Number.isFinite(y)) this.nonFinite++;
        continue;
      }
      dot += x * y;
      signal += x * x;
      resultSquares += y * y;
      noise += difference * difference;
      if (difference > largest) largest = difference;
      else if (-difference > largest) largest = -difference;
    }
    Object.assign(this, { dot, signal, resultSquares, noise, largest });
  }

  private cosine(): number {
    const { dot, signal, resultSquares } = this;
    if (signal === 0 || resultSquares === 0) return signal === resultSquares ? 1 : 0;
    return Math.min(Math.max(dot / (Math.sqrt(signal) * Math.sqrt(resultSquares)), -1), 1);
  }
}

function sameBits(a: Tensor, b: Tensor): boolean {
  if (a instanceof StringTensor && b instanceof StringTensor) {
    return a.values.every((value, index) => Buffer.compare(value, b.values[index]) === 0);
  }
  return Buffer.compare(a.bytes(), b.bytes()) === 0;
}
