// What models compute on real samples, looked at in constant memory.
export { type CacheEntry, CalibrationCache, hashModel, hashOf, hashSamples } from './calibration-cache.js';
export { RangeConvergence } from './convergence.js';
export { ExtremaObserver } from './extrema-observer.js';
export { GramObserver } from './gram-observer.js';
export { heldOutOf, isHeldOut, Split } from './held-out.js';
export { HistogramObserver, type HistogramOptions } from './histogram-observer.js';
export { type Judged, judge, type Verdict } from './judge.js';
export { type ObserveOptions, observe } from './observe.js';
export { type Kept, limitSamples, observeCached } from './observe-cached.js';
export type { Observer } from './observer.js';
export {
  type CalibrationSamples,
  type CalibrationSettings,
  type OpenSamplesOptions,
  openSamples,
} from './open-samples.js';
export { hasRows, operatorRows, type RowBlock, type RowSampling } from './operator-rows.js';
export type { Gain, Range } from './ranges/candidate.js';
export {
  chooseRange,
  type RangeChoice,
  type RangeMethod,
  type RangeOptions,
  rangeMethods,
} from './ranges/choose-range.js';
export { outputLike, type Residual, residualOf, targetRows } from './reference-targets.js';
export { Replay } from './replay.js';
export { SecondMoments } from './second-moments.js';
export { type Probe, type ProbedValues, type SweepOptions, sweep } from './sweep.js';
export { WideningHistogram } from './widening-histogram.js';
