// Whether an integer matrix product of uint8 activations and int8 weights can saturate on x86 CPUs without VNNI, where
// onnxruntime's MLAS multiplies with vpmaddubsw: it adds two neighbouring products along K into one saturating int16.

/** An int8 weight matrix and how its products are formed. */
export interface OverflowOptions {
  /** Length of the summed dimension. */
  readonly k: number;
  /** Number of output columns. */
  readonly n: number;
  /** The weights are stored [N, K] instead of [K, N]. */
  readonly transposed?: boolean;
  /** The largest activation; 255 unless the activations use a reduced range. */
  readonly maximumActivation?: number;
  /**
   * `adjacent` (default): K is in the order in which the kernel sums it. `any`: K may be permuted (a convolution whose
   * kernel positions and channels are interleaved by the runtime), so the two largest weights of a column may meet.
   */
  readonly pairing?: 'adjacent' | 'any';
}

/** The most extreme int16 sums that any activations can produce. */
export interface PairSums {
  /** At least 0; saturates above 32767. */
  readonly largest: number;
  /** At most 0; saturates below -32768. */
  readonly smallest: number;
}

/**
 * Proves that no pair can saturate (false), or shows that some activations would make one do so (true).
 *
 * Pairs: MLAS packs K from 0 in groups of four, padded with zeros, and splits K only at multiples of four, so its pairs
 * are always (0,1), (2,3), (4,5), …; the matrix-vector kernel for one row interleaves the same pairs. No other alignment
 * occurs. The sum of a pair is largest when activations are at their maximum for positive weights and 0 for negative
 * ones: with 255 it saturates when the positive weights of a pair add up to more than 128, or the negative ones to less
 * than -128. Weights within [-64, 64] (reduced range) therefore never do.
 *
 * Only signed weights: for uint8 weights (zero point 128) the kernels without VNNI widen both sides to int16 first and
 * add into int32, which cannot saturate. The weights are taken as stored; the zero point is subtracted after the sums.
 * @throws RangeError when `weights` does not hold k · n elements.
 */
export function canSaturate(weights: Int8Array, options: OverflowOptions): boolean {
  const { largest, smallest } = extremePairSums(weights, options);
  return largest > 32767 || smallest < -32768;
}

/** The extremes behind `canSaturate`, to report how near a matrix comes. @throws RangeError as `canSaturate`. */
export function extremePairSums(weights: Int8Array, options: OverflowOptions): PairSums {
  const { k, n, transposed = false, maximumActivation = 255, pairing = 'adjacent' } = options;
  if (weights.length !== k * n) throw new RangeError(`${weights.length} weights for a matrix of ${k} by ${n}`);
  let sums: PairSums;
  if (pairing === 'any') sums = columnExtremes(weights, k, n, transposed);
  else sums = transposed ? pairsInRows(weights, k, n) : pairsAcrossRows(weights, k, n);
  return { largest: sums.largest * maximumActivation, smallest: sums.smallest * maximumActivation };
}

// The positive parts of a pair, max(a, 0) + max(b, 0), are max(a + b, a, b, 0): comparisons with the extreme so far, which
// the processor predicts, where the signs of weights are as random as coins.

/** Weights [N, K]: a pair lies side by side. */
function pairsInRows(weights: Int8Array, k: number, n: number): PairSums {
  let largest = 0;
  let smallest = 0;
  for (let column = 0; column < n; column++) {
    const end = (column + 1) * k;
    for (let i = column * k; i < end; i += 2) {
      const a = weights[i];
      const b = i + 1 < end ? weights[i + 1] : 0;
      const sum = a + b;
      if (sum > largest) largest = sum;
      if (a > largest) largest = a;
      if (b > largest) largest = b;
      if (sum < smallest) smallest = sum;
      if (a < smallest) smallest = a;
      if (b < smallest) smallest = b;
    }
  }
  return { largest, smallest };
}

/** Weights [K, N]: a pair lies in two rows, one above the other. */
function pairsAcrossRows(weights: Int8Array, k: number, n: number): PairSums {
  let largest = 0;
  let smallest = 0;
  for (let row = 0; row < k; row += 2) {
    const first = row * n;
    const below = row + 1 < k ? n : 0;
    for (let i = first; i < first + n; i++) {
      const a = weights[i];
      const b = below === 0 ? 0 : weights[i + below];
      const sum = a + b;
      if (sum > largest) largest = sum;
      if (a > largest) largest = a;
      if (b > largest) largest = b;
      if (sum < smallest) smallest = sum;
      if (a < smallest) smallest = a;
      if (b < smallest) smallest = b;
    }
  }
  return { largest, smallest };
}

/** The two most extreme weights of each column, wherever they are; reads the weights in the order they are stored. */
function columnExtremes(weights: Int8Array, k: number, n: number, transposed: boolean): PairSums {
  const high = new Int8Array(n);
  const secondHigh = new Int8Array(n);
  const low = new Int8Array(n);
  const secondLow = new Int8Array(n);
  for (let i = 0, column = 0, row = 0; i < weights.length; i++) {
    const w = weights[i];
    if (w > secondHigh[column]) {
      secondHigh[column] = Math.min(w, high[column]);
      high[column] = Math.max(w, high[column]);
    } else if (w < secondLow[column]) {
      secondLow[column] = Math.max(w, low[column]);
      low[column] = Math.min(w, low[column]);
    }
    if (!transposed) column = column + 1 === n ? 0 : column + 1;
    else if (++row === k) {
      row = 0;
      column++;
    }
  }
  let largest = 0;
  let smallest = 0;
  for (let column = 0; column < n; column++) {
    largest = Math.max(largest, high[column] + secondHigh[column]);
    smallest = Math.min(smallest, low[column] + secondLow[column]);
  }
  return { largest, smallest };
}
