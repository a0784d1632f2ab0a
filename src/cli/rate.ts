// How fast work goes and how long it will take, from how much of it was done when. Milliseconds throughout.

export interface Pace {
  /** Units a second; null before anything can be told. */
  readonly perSecond: number | null;
  /** Seconds that are left; null where the total is not known. */
  readonly left: number | null;
}

export class Rate {
  private readonly start: number;
  private first: { readonly done: number; readonly time: number } | null = null;

  constructor(start: number) {
    this.start = start;
  }

  /** The pace when `done` of `total` are done at `time`: since the first unit, which pays for what is loaded and warmed up. */
  at(done: number, total: number | null, time: number): Pace {
    this.first ??= { done, time };
    const { first } = this;
    const [units, elapsed] = done > first.done ? [done - first.done, time - first.time] : [done, time - this.start];
    const perSecond = units > 0 && elapsed > 0 ? (1000 * units) / elapsed : null;
    return { perSecond, left: perSecond === null || !total ? null : Math.max(0, total - done) / perSecond };
  }
}

/** `41.3 /s · ETA 1:05`. */
export function describeRate({ perSecond, left }: Pace): string {
  const parts = [];
  if (perSecond !== null) parts.push(`${perSecond < 100 ? perSecond.toPrecision(3) : Math.round(perSecond)} /s`);
  if (left !== null) parts.push(`ETA ${formatDuration(Math.ceil(left))}`);
  return parts.join(' · ');
}

/** `0:07`, `12:30`, `2:05:00`. */
function formatDuration(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
