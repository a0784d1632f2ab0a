// How many samples are enough: ranges of values, looked at each time that the number of samples has grown by half, until they stay where they are.
import type { Value } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';
import type { Observer } from './observer.js';
import { pointsOf } from './ranges/candidate.js';
import { minmaxRange } from './ranges/extremes.js';
import { leastErrorRange } from './ranges/least-error.js';
import { WideningHistogram } from './widening-histogram.js';

/** Fewer samples say nothing. */
const fewest = 32;
const growth = 1.5;
/** Of a range's width: what its ends may still move. */
const tolerance = 0.03;
/** Of the ranges: those that may move further. */
const mostMoving = 0.05;

const scheme = { dataType: 'uint8', symmetric: false, granularity: { kind: 'tensor' } } as const;

type Ends = readonly [low: number, high: number];

export class RangeConvergence {
  readonly observers: ReadonlyMap<Value, Observer>;
  private readonly histograms: readonly WideningHistogram[];
  private samples = 0;
  private next = fewest;
  private last: readonly Ends[] | null = null;

  constructor(values: Iterable<Value>) {
    const observers = new Map<Value, Observer>();
    const histograms: WideningHistogram[] = [];
    for (const value of values) {
      const histogram = new WideningHistogram();
      histograms.push(histogram);
      observers.set(value, { observe: (tensor: Tensor) => histogram.add(tensor.readFloat32()) });
    }
    this.observers = observers;
    this.histograms = histograms;
  }

  /** Call after each sample: whether the ranges of the least error have stopped moving. */
  isReached(): boolean {
    if (++this.samples < this.next) return false;
    this.next = Math.ceil(this.samples * growth);
    const before = this.last;
    const now = this.histograms.map(endsOf);
    this.last = now;
    if (!before) return false;
    const moving = now.filter((ends, index) => moved(before[index], ends)).length;
    return moving <= mostMoving * now.length;
  }
}

function endsOf(histogram: WideningHistogram): Ends {
  if (histogram.isEmpty) return [0, 0];
  const { low, high } = leastErrorRange(pointsOf(histogram), minmaxRange(histogram), scheme);
  return [low, high];
}

function moved([low, high]: Ends, [lowNow, highNow]: Ends): boolean {
  const width = highNow - lowNow;
  return Math.abs(lowNow - low) > tolerance * width || Math.abs(highNow - high) > tolerance * width;
}
