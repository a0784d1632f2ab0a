// A histogram that needs to know nothing of what comes: bins are as wide as a power of two and lie at multiples of their width, and where
// a value falls outside, neighbours are merged until it fits. What comes out does not depend on the order in which values came.
import type { Random } from '../numeric/index.js';
import type { CacheEntry } from './calibration-cache.js';

/** Bins that a histogram has at most; at least half of them are used. */
const mostBins = 4096;

/** Larger magnitudes count as infinite: attention masks hold the least float32, and no range should stretch to it. */
const largestMagnitude = 2 ** 100;

/** A part of a tensor: as many channels as there are weights, each a run of `inner` elements, over and over. */
export interface ChannelWeights {
  /** What one element of the channel counts. */
  readonly weights: Float64Array;
  readonly inner: number;
}

/** How many values of one tensor are counted, and what draws them. */
export interface Thinning {
  readonly most: number;
  readonly random: Random;
}

export class WideningHistogram {
  /** A power of two; 0 as long as nothing but zero was seen. */
  binWidth = 0;
  /** The first bin begins at `firstBin · binWidth`. */
  firstBin = 0;
  counts: Float64Array = new Float64Array(0);
  /** Of what was exactly zero, and lies in no bin: every grid that holds zero represents it. */
  zeros = 0;
  /** Extremes of the finite values; +∞ and −∞ before there were any. */
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  /** Elements that were NaN, infinite, or of a magnitude beyond 2^100. */
  excluded = 0;

  get isEmpty(): boolean {
    return this.minimum > this.maximum;
  }

  /** All of it, by names that begin with `prefix`. */
  state(prefix: string): CacheEntry {
    const { binWidth, firstBin, counts, zeros, minimum, maximum, excluded } = this;
    const parts = { binWidth, firstBin, counts, zeros, minimum, maximum, excluded };
    return Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${prefix}.${name}`, part]));
  }

  restore(state: CacheEntry, prefix: string): void {
    const number = (name: string): number => Number(state[`${prefix}.${name}`]);
    this.binWidth = number('binWidth');
    this.firstBin = number('firstBin');
    this.counts = state[`${prefix}.counts`] as Float64Array;
    this.zeros = number('zeros');
    this.minimum = number('minimum');
    this.maximum = number('maximum');
    this.excluded = number('excluded');
  }

  /**
   * Adds the values, each counted once or with the weight of its channel.
   * @param thinning of many values only some are counted, with the weight of all; the extremes are those of all.
   */
  add(values: Float32Array, channels: ChannelWeights | null = null, thinning: Thinning | null = null): void {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    let excluded = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!(value < largestMagnitude && value > -largestMagnitude)) {
        excluded++;
        continue;
      }
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    this.excluded += excluded;
    if (least > greatest) return;
    this.cover(least, greatest);
    const usual = excluded > 0 ? values.map((value) => (Math.abs(value) < largestMagnitude ? value : 0)) : values;
    const every = thinning ? Math.ceil(usual.length / thinning.most) : 1;
    if (every > 1) this.countSome(usual, channels, every, thinning!);
    else if (channels === null) this.count(usual, 0, usual.length, 1);
    else if (channels.inner === 1) this.countRows(usual, channels.weights);
    else this.countRuns(usual, channels);
    if (channels === null) this.zeros -= excluded;
  }

  /** Counts one value of each `every` neighbours, which one at random: a fixed stride would follow the image's own grid. */
  private countSome(values: Float32Array, channels: ChannelWeights | null, every: number, thinning: Thinning): void {
    const { counts, firstBin } = this;
    const inverse = this.binWidth === 0 ? 0 : 1 / this.binWidth;
    const { weights, inner } = channels ?? { weights: Float64Array.of(1), inner: values.length };
    let zeros = 0;
    for (let start = 0; start < values.length; start += every) {
      const among = Math.min(every, values.length - start);
      const at = start + Math.floor(thinning.random.next() * among);
      const weight = among * weights[Math.floor(at / inner) % weights.length];
      const value = values[at];
      if (value === 0) zeros += weight;
      else counts[Math.floor(value * inverse) - firstBin] += weight;
    }
    this.zeros += zeros;
  }

  private countRuns(values: Float32Array, { weights, inner }: ChannelWeights): void {
    for (let start = 0, channel = 0; start < values.length; start += inner) {
      this.count(values, start, Math.min(start + inner, values.length), weights[channel]);
      channel = channel + 1 === weights.length ? 0 : channel + 1;
    }
  }

  private count(values: Float32Array, start: number, end: number, weight: number): void {
    const { counts, firstBin } = this;
    const inverse = this.binWidth === 0 ? 0 : 1 / this.binWidth;
    let zeros = 0;
    for (let i = start; i < end; i++) {
      const value = values[i];
      if (value === 0) zeros++;
      else counts[Math.floor(value * inverse) - firstBin] += weight;
    }
    this.zeros += zeros * weight;
  }

  /** As `count`, with one channel after the other. */
  private countRows(values: Float32Array, weights: Float64Array): void {
    const { counts, firstBin } = this;
    const inverse = this.binWidth === 0 ? 0 : 1 / this.binWidth;
    const channels = weights.length;
    for (let start = 0; start < values.length; start += channels) {
      for (let channel = 0; channel < channels; channel++) {
        const value = values[start + channel];
        if (value === 0) this.zeros += weights[channel];
        else counts[Math.floor(value * inverse) - firstBin] += weights[channel];
      }
    }
  }

  /** Widens the bins until [least, greatest] lies inside. */
  private cover(least: number, greatest: number): void {
    if (least >= this.minimum && greatest <= this.maximum) return;
    this.minimum = Math.min(this.minimum, least);
    this.maximum = Math.max(this.maximum, greatest);
    const largest = Math.max(-this.minimum, this.maximum);
    if (largest === 0) return;
    const binWidth = this.binWidthFor(largest);
    const firstBin = Math.floor(this.minimum / binWidth);
    const length = Math.floor(this.maximum / binWidth) - firstBin + 1;
    const counts = new Float64Array(length);
    const merged = this.binWidth / binWidth;
    for (let bin = 0; bin < this.counts.length; bin++) {
      if (this.counts[bin] !== 0) counts[Math.floor((bin + this.firstBin) * merged) - firstBin] += this.counts[bin];
    }
    this.binWidth = binWidth;
    this.firstBin = firstBin;
    this.counts = counts;
  }

  /** The least power of two with which the range falls into `mostBins`; not below what float32 tells apart at that magnitude. */
  private binWidthFor(largest: number): number {
    const { minimum, maximum } = this;
    let exponent = Math.floor(Math.log2(largest)) - 24;
    const bins = (): number => Math.floor(maximum / 2 ** exponent) - Math.floor(minimum / 2 ** exponent) + 1;
    while (bins() > mostBins) exponent++;
    return 2 ** exponent;
  }
}
