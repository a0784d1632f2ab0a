// What every factorization works on: the weights of a linear operator by group, and the metric in which they are to be approximated.
import {
  addToDiagonal,
  createMatrix,
  dampedCholesky,
  type Matrix,
  meanDiagonal,
  multiply,
  multiplyByTransposed,
  solveWithCholesky,
  transpose,
} from '../../numeric/index.js';

/** y = W·x of one group: rows of W are output channels, columns input channels × elements of the kernel. */
export interface WeightGroup {
  readonly weights: Matrix;
  /** Covariance C of x: the error of W′ is tr((W − W′)·C·(W − W′)ᵀ). null: the identity, that is ‖W − W′‖². */
  readonly metric: Matrix | null;
}

/** The linear operator without its weights, as far as factors depend on it. */
export interface OperatorShape {
  readonly kind: 'conv' | 'matrix';
  readonly outputChannels: number;
  readonly inputChannels: number;
  readonly groups: number;
  /** [] for matrices. */
  readonly kernel: readonly number[];
  /** Positions of the input and of the output, for the cost of convolutions; 1 where not known. */
  readonly positions: { readonly input: number; readonly output: number };
}

export function kernelElements({ kernel }: OperatorShape): number {
  return kernel.reduce((product, length) => product * length, 1);
}

export function parametersOf(shape: OperatorShape): number {
  return (shape.outputChannels * shape.inputChannels * kernelElements(shape)) / shape.groups;
}

/** M·C; M itself for the identity. */
export function timesMetric(matrix: Matrix, metric: Matrix | null): Matrix {
  // C is symmetric.
  return metric ? multiplyByTransposed(matrix, metric) : matrix;
}

/** tr(W·C·Wᵀ): the energy of the outputs. */
export function energyOf({ weights, metric }: WeightGroup): number {
  const weighted = timesMetric(weights, metric);
  let sum = 0;
  for (let i = 0; i < weights.data.length; i++) sum += weights.data[i] * weighted.data[i];
  return sum;
}

/**
 * M·Pᵀ for P = first ⊗ identity: columns of M are (channel, element), those of the result (row of `first`, element). Without forming P,
 * most of which is zeros.
 */
function contract(matrix: Matrix, first: Matrix, elements: number): Matrix {
  const { rows, columns, data } = matrix;
  const channels = columns / elements;
  const byChannel = createMatrix(rows * elements, channels);
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = row * columns + channel * elements;
      for (let e = 0; e < elements; e++) byChannel.data[(row * elements + e) * channels + channel] = data[from + e];
    }
  }
  const product = multiplyByTransposed(byChannel, first);
  const result = createMatrix(rows, first.rows * elements);
  for (let row = 0; row < rows; row++) {
    for (let e = 0; e < elements; e++) {
      const from = (row * elements + e) * first.rows;
      for (let j = 0; j < first.rows; j++)
        result.data[row * result.columns + j * elements + e] = product.data[from + j];
    }
  }
  return result;
}

/**
 * The best W·x = B·z for z = P·x, P = first ⊗ identity over `elements`: B = W·C·Pᵀ·(P·C·Pᵀ)⁻¹, and the metric of z. Directions that no
 * input takes are damped. Without a metric the rows of `first` must be orthonormal.
 */
export function projectOnto({ weights, metric }: WeightGroup, first: Matrix, elements: number): WeightGroup {
  if (metric === null) return { weights: contract(weights, first, elements), metric: null };
  const metricP = contract(metric, first, elements);
  const inner = contract(transpose(metricP), first, elements);
  const cross = transpose(multiply(weights, metricP));
  const damped = dampedCholesky(inner, 1e-10);
  // Where no input has any energy, every B is as good.
  if (damped) solveWithCholesky(damped.factor, cross);
  return { weights: transpose(cross), metric: inner };
}

/** C + relative · mean(diag C) · I, in place: keeps what no sample showed from counting nothing. */
export function regularize(metric: Matrix, relative: number): void {
  addToDiagonal(metric, relative * Math.max(meanDiagonal(metric), 1e-30));
}
