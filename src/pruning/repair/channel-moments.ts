// Mean and variance along one axis, from running sums.
import type { Tensor } from '../../tensor/index.js';

export class ChannelMoments {
  private readonly axis: number;
  private count = 0;
  private sums = new Float64Array(0);
  private squares = new Float64Array(0);

  /** Negative axes count from the last one. */
  constructor(axis: number) {
    this.axis = axis;
  }

  add(tensor: Tensor): void {
    const { shape } = tensor;
    const axis = this.axis < 0 ? this.axis + shape.length : this.axis;
    const width = shape[axis];
    if (this.sums.length === 0) [this.sums, this.squares] = [new Float64Array(width), new Float64Array(width)];
    const inner = shape.slice(axis + 1).reduce((size, length) => size * length, 1);
    const values = tensor.readFloat32();
    for (let at = 0; at < values.length; at++) {
      const channel = Math.floor(at / inner) % width;
      this.sums[channel] += values[at];
      this.squares[channel] += values[at] * values[at];
    }
    this.count += values.length / width;
  }

  get means(): Float64Array {
    return this.sums.map((sum) => sum / this.count);
  }

  get variances(): Float64Array {
    return this.squares.map((square, at) => Math.max(square / this.count - (this.sums[at] / this.count) ** 2, 0));
  }
}
