// The error that eight bits make of what linear operators compute, before and after the channels of their input are divided by factors and
// their weights multiplied by them: rows of the input rounded in one range, weights with one scale per output channel.
import type { MatrixProducts } from '../engine/index.js';
import { fittingScales, roundToNearest } from '../quantization/index.js';

/** A linear operator with rows that it saw. */
export interface SeenOperator {
  /** W [rows, columns], row-major. */
  readonly weights: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Columns of one channel of the input, side by side. */
  readonly elements: number;
  /** X [count, columns]. */
  readonly inputs: Float32Array;
}

export interface ChannelExtrema {
  readonly least: Float32Array;
  readonly greatest: Float32Array;
}

const weightBounds = { minimum: -127, maximum: 127 };

/**
 * Mean squared error of all outputs, with the input in the range of `extrema` divided by the factors.
 * @param factors one a channel, positive.
 */
export async function smoothedError(
  operators: readonly SeenOperator[],
  { least, greatest }: ChannelExtrema,
  factors: Float32Array,
  products: MatrixProducts,
): Promise<number> {
  let low = 0;
  let high = 0;
  for (const [channel, factor] of factors.entries()) {
    low = Math.min(low, least[channel] / factor);
    high = Math.max(high, greatest[channel] / factor);
  }
  const step = (high - low) / 255 || 1;
  const zero = Math.round(-low / step);
  let sum = 0;
  for (const { weights, rows, columns, elements, inputs } of operators) {
    const scaled = weights.map((weight, i) => weight * factors[Math.floor((i % columns) / elements)]);
    const block = { values: scaled, rows, columns, bounds: weightBounds };
    const scale = fittingScales(block);
    const integers = roundToNearest({ ...block, scale });
    // One product gives the difference: [X, −X′] · [Wᵀ; W′ᵀ].
    const count = inputs.length / columns;
    const both = new Float32Array(2 * inputs.length);
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < columns; column++) {
        const x = inputs[row * columns + column];
        const steps = Math.round(x / factors[Math.floor(column / elements)] / step) + zero;
        both[row * 2 * columns + column] = x;
        both[row * 2 * columns + columns + column] = -(Math.min(Math.max(steps, 0), 255) - zero) * step;
      }
    }
    const matrix = new Float32Array(2 * weights.length);
    for (let row = 0, i = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, i++) {
        matrix[column * rows + row] = weights[i];
        matrix[(columns + column) * rows + row] = integers[i] * scale[row];
      }
    }
    const errors = await products.multiply(both, 2 * columns, matrix, rows);
    let own = 0;
    for (const error of errors) own += error * error;
    sum += own / Math.max(count, 1);
  }
  return sum;
}
