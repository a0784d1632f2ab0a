// Rounding without data that lets errors cancel out: SQuant (Guo et al. 2022, "On-the-Fly Data-Free Quantization via Diagonal
// Hessian Approximation"). An input that is alike at all positions of a kernel sees the sum of its rounding errors; so roundings
// are turned the other way, those that were closest calls first, until each kernel's errors, and then those of each output
// channel, add up to less than half a step.
import type { QuantizationParameters } from '../parameters/parameters.js';
import { quantizeOne } from '../parameters/quantize-linear-kernels.js';

/** Rounds the weights of one output channel after the other; keeps scratch memory between them. */
export class CompensatedRounding {
  private readonly kernelSize: number;
  /** Rounded minus exact, in steps. */
  private errors = new Float64Array(0);
  /** Without the zero point. */
  private rounded = new Int32Array(0);

  /** @param kernelSize elements of a kernel: those that one input channel meets. They lie side by side. */
  constructor(kernelSize: number) {
    this.kernelSize = kernelSize;
  }

  /**
   * Quantizes the kernels in input[start, end), all of one output channel with the scale `parameter`, into the same places of `output`.
   * @param output as the low bytes: signed or unsigned.
   */
  quantize(
    input: Float32Array,
    start: number,
    end: number,
    parameters: QuantizationParameters,
    parameter: number,
    output: Int8Array,
  ): void {
    const length = end - start;
    if (this.errors.length < length) {
      this.errors = new Float64Array(length);
      this.rounded = new Int32Array(length);
    }
    const { errors, rounded, kernelSize } = this;
    const zero = parameters.zeroPoint[parameter];
    const low = parameters.minimum - zero;
    const high = parameters.maximum - zero;
    const reciprocal = 1 / parameters.scale[parameter];
    for (let i = 0; i < length; i++) {
      rounded[i] = quantizeOne(input[start + i], reciprocal, low, high);
      errors[i] = rounded[i] - input[start + i] * reciprocal;
    }
    if (kernelSize > 1) {
      for (let kernel = 0; kernel < length; kernel += kernelSize) {
        compensate(errors, rounded, kernel, kernel + kernelSize, 1, low, high);
      }
    }
    if (length > kernelSize) compensate(errors, rounded, 0, length, kernelSize, low, high);
    for (let i = 0; i < length; i++) output[start + i] = rounded[i] + zero;
  }
}

/**
 * Turns roundings in [start, end) until the errors there add up to less than half a step: each time the one whose error is the
 * largest in the direction of the sum, of each stretch of `stride` elements at most one when `stride` is more than 1.
 */
function compensate(
  errors: Float64Array,
  rounded: Int32Array,
  start: number,
  end: number,
  stride: number,
  low: number,
  high: number,
): void {
  let sum = 0;
  for (let i = start; i < end; i++) sum += errors[i];
  const direction = sum > 0 ? 1 : -1;
  const turned = new Set<number>();
  for (let count = Math.round(Math.abs(sum)); count > 0; count--) {
    let best = -1;
    let largest = 0;
    for (let i = start; i < end; i++) {
      const error = errors[i] * direction;
      if (error <= largest || rounded[i] - direction < low || rounded[i] - direction > high) continue;
      if (stride > 1 && turned.has(Math.floor((i - start) / stride))) continue;
      largest = error;
      best = i;
    }
    // An error is turned once: it has the other sign then.
    if (best < 0) return;
    rounded[best] -= direction;
    errors[best] -= direction;
    turned.add(Math.floor((best - start) / stride));
  }
}
