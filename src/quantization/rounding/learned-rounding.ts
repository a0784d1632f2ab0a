// AdaRound (Nagel et al. 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization"): whether each weight is rounded up or down is
// learned from what the operator computes. A weight is ⌊W/s⌋ + h(v), h a stretched sigmoid cut to [0, 1]; v descends the squared error of
// the output (behind its Relu) plus a term that drives every h to 0 or 1 in the end.
import type { MatrixProducts } from '../../engine/index.js';
import type { Random } from '../../numeric/index.js';
import type { RowWeights } from './gram-rounding.js';

/** Rows that an operator sees, and what it should give for them. */
export interface RoundingRows {
  /** X [count, columns], row-major. */
  readonly inputs: Float32Array;
  /** T [count, rows of the weight]. */
  readonly targets: Float32Array;
  /** What is added to the output, like T; null for nothing. */
  readonly offsets: Float32Array | null;
  readonly count: number;
}

export interface LearnedRoundingProblem {
  readonly weights: RowWeights;
  /** One a row of the weight. */
  readonly bias: Float32Array;
  readonly rows: RoundingRows;
  /** Whether a Relu follows, behind the sum with the offsets: what it cuts off is no error. */
  readonly rectified: boolean;
}

export interface LearningOptions {
  readonly iterations: number;
  /** Rows of an iteration. */
  readonly batch: number;
  readonly random: Random;
}

/** h(v) = clip(sigmoid(v) · (high − low) + low, 0, 1). */
const stretch = { low: -0.1, high: 1.1 };
const learningRate = 0.05;
const momentum = { first: 0.9, second: 0.999, epsilon: 1e-8 };
/** Share of the iterations without the term that decides, and the exponents from which to which it goes. */
const warmUp = 0.2;
const exponents = { from: 8, to: 2 };
/** Weight of that term: 1 is what rounding all weights to the nearest costs, a weight. */
const decisiveness = 5;

/** The integers of the weights: each one of the two next to it, within the bounds. */
export async function learnRounding(
  { weights, bias, rows, rectified }: LearnedRoundingProblem,
  products: MatrixProducts,
  { iterations, batch, random }: LearningOptions,
): Promise<Int8Array> {
  const { rows: channels, columns } = weights;
  const choice = new RoundingChoice(weights);
  const unit = (await meanError(weights, choice.nearest(), bias, rows, rectified, products)) / choice.size;
  if (!(unit > 0)) return choice.nearest();
  const size = Math.min(batch, rows.count);
  for (let step = 0; step < iterations; step++) {
    const part = drawRows(rows, columns, channels, size, random);
    const computed = await products.multiply(part.inputs, columns, choice.soft(), channels);
    const gradient = outputGradient(computed, part, bias, channels, rectified);
    const byWeight = await products.cross(part.inputs, columns, gradient, channels);
    const progress = (step / iterations - warmUp) / (1 - warmUp);
    const exponent = progress < 0 ? null : exponents.to + (exponents.from - exponents.to) * (1 - progress);
    choice.descend(byWeight, 2 / (size * unit), exponent);
  }
  return choice.decided();
}

/** Mean over the rows of Σ (f(X·Ŵᵀ + b + offset) − f(T))², f a Relu where `rectified`. */
export async function meanError(
  { columns, rows: channels, scale }: RowWeights,
  integers: Int8Array,
  bias: Float32Array,
  rows: RoundingRows,
  rectified: boolean,
  products: MatrixProducts,
): Promise<number> {
  if (rows.count === 0) return 0;
  const transposed = new Float32Array(integers.length);
  for (let row = 0, i = 0; row < channels; row++) {
    for (let column = 0; column < columns; column++, i++)
      transposed[column * channels + row] = integers[i] * scale[row];
  }
  const computed = await products.multiply(rows.inputs, columns, transposed, channels);
  const differences = outputGradient(computed, rows, bias, channels, rectified, true);
  let sum = 0;
  for (const difference of differences) sum += difference * difference;
  return sum / rows.count;
}

/**
 * f(y) − f(t) for each output, times f′(y) unless `plain`: half the gradient of the squared error. Reuses `computed`, X·Ŵᵀ.
 */
function outputGradient(
  computed: Float32Array,
  { targets, offsets }: RoundingRows,
  bias: Float32Array,
  channels: number,
  rectified: boolean,
  plain = false,
): Float32Array {
  for (let i = 0, channel = 0; i < computed.length; i++) {
    const y = computed[i] + bias[channel] + (offsets ? offsets[i] : 0);
    const t = targets[i];
    if (!rectified) computed[i] = y - t;
    else computed[i] = y > 0 || plain ? Math.max(y, 0) - Math.max(t, 0) : 0;
    if (++channel === channels) channel = 0;
  }
  return computed;
}

/** `size` rows, drawn with replacement. */
function drawRows(
  { inputs, targets, offsets, count }: RoundingRows,
  columns: number,
  channels: number,
  size: number,
  random: Random,
): RoundingRows {
  const part = {
    inputs: new Float32Array(size * columns),
    targets: new Float32Array(size * channels),
    offsets: offsets && new Float32Array(size * channels),
    count: size,
  };
  for (let row = 0; row < size; row++) {
    const from = random.int(count);
    part.inputs.set(inputs.subarray(from * columns, (from + 1) * columns), row * columns);
    part.targets.set(targets.subarray(from * channels, (from + 1) * channels), row * channels);
    if (offsets) part.offsets!.set(offsets.subarray(from * channels, (from + 1) * channels), row * channels);
  }
  return part;
}

/** The variables v and their Adam moments, all [columns, rows of the weight], as products take and give them. */
class RoundingChoice {
  readonly size: number;
  private readonly weights: RowWeights;
  private readonly floors: Float32Array;
  private readonly fractions: Float32Array;
  private readonly variables: Float32Array;
  private readonly first: Float32Array;
  private readonly second: Float32Array;
  private steps = 0;

  constructor(weights: RowWeights) {
    const { values, columns, rows, scale } = weights;
    this.weights = weights;
    this.size = values.length;
    this.floors = new Float32Array(values.length);
    this.fractions = new Float32Array(values.length);
    this.variables = new Float32Array(values.length);
    this.first = new Float32Array(values.length);
    this.second = new Float32Array(values.length);
    for (let row = 0, i = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, i++) {
        const at = column * rows + row;
        const exact = values[i] / scale[row];
        this.floors[at] = Math.floor(exact);
        this.fractions[at] = exact - this.floors[at];
        // Where h is the fraction: what is learned starts from the weights themselves.
        this.variables[at] = -Math.log((stretch.high - stretch.low) / (this.fractions[at] - stretch.low) - 1);
      }
    }
  }

  nearest(): Int8Array {
    return this.integers((at) => this.fractions[at] >= 0.5);
  }

  decided(): Int8Array {
    return this.integers((at) => this.variables[at] >= 0);
  }

  /** Weights with every h as it is. */
  soft(): Float32Array {
    const { rows, scale, bounds } = this.weights;
    const soft = new Float32Array(this.size);
    for (let at = 0, row = 0; at < soft.length; at++) {
      const sigmoid = 1 / (1 + Math.exp(-this.variables[at]));
      const h = Math.min(Math.max(sigmoid * (stretch.high - stretch.low) + stretch.low, 0), 1);
      soft[at] = Math.min(Math.max(this.floors[at] + h, bounds.minimum), bounds.maximum) * scale[row];
      if (++row === rows) row = 0;
    }
    return soft;
  }

  /**
   * One step of Adam. @param byWeight gradient by the soft weights, times `factor`; `exponent` of the term 1 − |2h − 1|^exponent; null
   * leaves it out.
   */
  descend(byWeight: Float32Array, factor: number, exponent: number | null): void {
    const { rows, scale, bounds } = this.weights;
    const { first, second, variables } = this;
    this.steps++;
    const rate = (learningRate * Math.sqrt(1 - momentum.second ** this.steps)) / (1 - momentum.first ** this.steps);
    for (let at = 0, row = 0; at < variables.length; at++) {
      const sigmoid = 1 / (1 + Math.exp(-variables[at]));
      const h = sigmoid * (stretch.high - stretch.low) + stretch.low;
      let gradient = 0;
      if (h > 0 && h < 1) {
        const integer = this.floors[at] + h;
        if (integer > bounds.minimum && integer < bounds.maximum) gradient = byWeight[at] * factor * scale[row];
        if (exponent !== null) {
          const away = 2 * h - 1;
          gradient -= decisiveness * 2 * exponent * Math.abs(away) ** (exponent - 1) * Math.sign(away);
        }
        gradient *= (stretch.high - stretch.low) * sigmoid * (1 - sigmoid);
      }
      first[at] = momentum.first * first[at] + (1 - momentum.first) * gradient;
      second[at] = momentum.second * second[at] + (1 - momentum.second) * gradient * gradient;
      variables[at] -= (rate * first[at]) / (Math.sqrt(second[at]) + momentum.epsilon);
      if (++row === rows) row = 0;
    }
  }

  private integers(isUp: (at: number) => boolean): Int8Array {
    const { rows, columns, bounds } = this.weights;
    const integers = new Int8Array(this.size);
    for (let row = 0, i = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, i++) {
        const at = column * rows + row;
        const integer = this.floors[at] + (isUp(at) ? 1 : 0);
        integers[i] = Math.min(Math.max(integer, bounds.minimum), bounds.maximum);
      }
    }
    return integers;
  }
}
