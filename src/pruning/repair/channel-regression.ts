// For every channel the scale a and shift b with which a·x + b is closest to a target, from running sums.

/** Pull of the scale towards 1, relative to the mean variance. */
const ridge = 1e-2;

/** The axis of channels: 1 of images, else the last one. */
export function channelAxis(rank: number): number {
  return rank > 3 ? 1 : rank - 1;
}

export class ChannelRegression {
  private count = 0;
  /** By channel: Σx, Σt, Σx², Σxt. */
  private sums: Float64Array[] = [];

  /** `values` and `targets` of `shape`. */
  add(values: Float32Array, targets: Float32Array, shape: readonly number[]): void {
    const axis = channelAxis(shape.length);
    const width = shape[axis];
    const inner = shape.slice(axis + 1).reduce((size, length) => size * length, 1);
    if (this.sums.length === 0) this.sums = Array.from({ length: 4 }, () => new Float64Array(width));
    const [x, t, xx, xt] = this.sums;
    for (let at = 0; at < values.length; at++) {
      const channel = Math.floor(at / inner) % width;
      x[channel] += values[at];
      t[channel] += targets[at];
      xx[channel] += values[at] * values[at];
      xt[channel] += values[at] * targets[at];
    }
    this.count += values.length / width;
  }

  solve(): { readonly scale: Float32Array; readonly shift: Float32Array } {
    const [x, t, xx, xt] = this.sums;
    const variance = xx.map((sum, channel) => sum / this.count - (x[channel] / this.count) ** 2);
    const pull = Math.max(ridge * (variance.reduce((sum, value) => sum + value, 0) / variance.length), 1e-30);
    const scale = variance.map((own, channel) => {
      const covariance = xt[channel] / this.count - (x[channel] * t[channel]) / this.count ** 2;
      return (covariance + pull) / (Math.max(own, 0) + pull);
    });
    const shift = scale.map((factor, channel) => (t[channel] - factor * x[channel]) / this.count);
    return { scale: Float32Array.from(scale), shift: Float32Array.from(shift) };
  }
}
