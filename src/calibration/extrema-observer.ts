// The least and the greatest finite value of a tensor, of the whole of it and of each channel along an axis.
import { internalError } from '../errors.js';
import type { Tensor } from '../tensor/index.js';
import type { Observer } from './observer.js';

export class ExtremaObserver implements Observer {
  /** Axis of the channels; negative counts from the end; null: the whole tensor is one channel. */
  private readonly axis: number | null;
  /** One value a channel; empty before the first sample. +∞ and −∞ where nothing was finite. */
  least: Float32Array = new Float32Array(0);
  greatest: Float32Array = new Float32Array(0);

  constructor(axis: number | null = null) {
    this.axis = axis;
  }

  observe(tensor: Tensor): void {
    const { shape } = tensor;
    const axis = this.axis === null ? null : this.axis < 0 ? this.axis + shape.length : this.axis;
    const channels = axis === null ? 1 : shape[axis];
    const inner = axis === null ? tensor.size : shape.slice(axis + 1).reduce((product, length) => product * length, 1);
    if (this.least.length === 0) {
      this.least = new Float32Array(channels).fill(Number.POSITIVE_INFINITY);
      this.greatest = new Float32Array(channels).fill(Number.NEGATIVE_INFINITY);
    } else if (channels !== this.least.length) {
      throw internalError(`A tensor of ${this.least.length} channels came with ${channels}`);
    }
    const values = tensor.readFloat32();
    const { least, greatest } = this;
    for (let start = 0, channel = 0; start < values.length; start += inner, channel = (channel + 1) % channels) {
      let low = least[channel];
      let high = greatest[channel];
      for (let i = start; i < start + inner; i++) {
        const value = values[i];
        if (value < low && value !== Number.NEGATIVE_INFINITY) low = value;
        if (value > high && value !== Number.POSITIVE_INFINITY) high = value;
      }
      least[channel] = low;
      greatest[channel] = high;
    }
  }

  /** Over all channels; [0, 0] where nothing was finite. */
  get range(): readonly [number, number] {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const value of this.least) low = Math.min(low, value);
    for (const value of this.greatest) high = Math.max(high, value);
    return low <= high ? [low, high] : [0, 0];
  }
}
