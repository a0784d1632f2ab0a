// Learning rates over time: linear warm-up, then constant, linear or cosine decay (Loshchilov and Hutter 2017).

export type Schedule = 'constant' | 'linear' | 'cosine';

export interface ScheduleOptions {
  readonly schedule: Schedule;
  readonly peak: number;
  readonly steps: number;
  /** Steps until the peak. */
  readonly warmup: number;
}

/** The rate of step `step`, from 0 on. It reaches 0 one step after the last. */
export function rateAt(step: number, { schedule, peak, steps, warmup }: ScheduleOptions): number {
  if (step < warmup) return (peak * (step + 1)) / warmup;
  if (schedule === 'constant') return peak;
  const done = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return schedule === 'linear' ? peak * (1 - done) : (peak * (1 + Math.cos(Math.PI * done))) / 2;
}
