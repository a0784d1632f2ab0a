// Mean errors by channel of most samples, and what taking them out leaves of the squared error on the others.
import { Split } from '../../src/calibration/index.js';
import type { Tensor } from '../../src/tensor/index.js';

export interface Correction {
  /** To be added, by channel. */
  readonly shift: Float64Array;
  /** Squared error on the samples that are held out, relative to that without the correction. */
  readonly left: number;
}

interface Sums {
  count: number;
  readonly errors: Float64Array;
  squares: number;
}

export class MeanErrors {
  private readonly channels: number;
  private readonly axis: number;
  private readonly split: Split<Sums>;

  /** @param axis of the channels; negative: from the end. */
  constructor(channels: number, axis: number) {
    this.channels = channels;
    this.axis = axis;
    this.split = new Split(() => ({ count: 0, errors: new Float64Array(channels), squares: 0 }));
  }

  /** Another shape than the original's is not counted. */
  add(now: Tensor, original: Tensor): void {
    const sums = this.split.next();
    const { shape } = now;
    const axis = this.axis < 0 ? this.axis + shape.length : this.axis;
    if (String(shape) !== String(original.shape) || shape[axis] !== this.channels) return;
    const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
    const [a, b] = [now.readFloat32(), original.readFloat32()];
    for (let i = 0; i < a.length; i++) {
      const error = b[i] - a[i];
      if (!Number.isFinite(error)) continue;
      sums.errors[Math.floor(i / inner) % this.channels] += error;
      sums.squares += error * error;
    }
    sums.count += a.length / this.channels;
  }

  correction(): Correction {
    const { fitted, heldOut } = this.split;
    const held = heldOut.count > 0 ? heldOut : fitted;
    const shift = fitted.errors.map((sum) => sum / Math.max(fitted.count, 1));
    // Σ (e − s)² = Σ e² − 2 s Σ e + n s².
    let change = 0;
    for (const [channel, by] of shift.entries()) change += by * (held.count * by - 2 * held.errors[channel]);
    return { shift, left: held.squares > 0 ? (held.squares + change) / held.squares : 1 };
  }
}
