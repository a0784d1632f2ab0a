// Samples that nothing is fitted to, so that what was fitted to the others can be judged: every fourth one, for whatever is fitted.

const every = 4;

/** @param sample its index, from 0. */
export function isHeldOut(sample: number): boolean {
  return sample % every === every - 1;
}

/** Two of a kind, one for each part of the samples. */
export class Split<T> {
  readonly fitted: T;
  readonly heldOut: T;
  private samples = 0;

  constructor(make: (part: 'fitted' | 'held out') => T) {
    this.fitted = make('fitted');
    this.heldOut = make('held out');
  }

  /** The one that the next sample belongs to. */
  next(): T {
    return isHeldOut(this.samples++) ? this.heldOut : this.fitted;
  }

  get parts(): readonly [T, T] {
    return [this.fitted, this.heldOut];
  }
}

/** Held-out samples, `most` of them, spread over all; every sample where there are too few to hold one out. */
export async function* heldOutOf<T>(samples: AsyncIterable<T>, count: number, most: number): AsyncGenerator<T> {
  const isFew = count < every;
  const step = every * Math.max(1, Math.ceil(Math.floor(count / every) / most));
  let index = 0;
  for await (const sample of samples) if (isFew || index++ % step === step - 1) yield sample;
}
