// Histograms of equal bins over the range of the finite values.

export interface Histogram {
  /** Lower edge of the first bin. */
  readonly low: number;
  /** Upper edge of the last bin. */
  readonly high: number;
  readonly counts: readonly number[];
}

/** Values outside of [low, high] count in the first and last bin; what is not finite counts nowhere. The range defaults to that of the values. */
export function histogram(
  values: ArrayLike<number>,
  bins: number,
  range: readonly [number, number] = finiteRange(values),
): Histogram {
  const [low, high] = range;
  const counts = new Array<number>(bins).fill(0);
  const width = (high - low) / bins;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value - value !== 0) continue;
    const bin = width > 0 ? Math.floor((value - low) / width) : 0;
    counts[Math.min(Math.max(bin, 0), bins - 1)]++;
  }
  return { low, high, counts };
}

/** [0, 0] where nothing is finite. */
export function finiteRange(values: ArrayLike<number>): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value - value !== 0) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}
