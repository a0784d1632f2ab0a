// The number of components of a noisy low-rank matrix: the analytic solution of empirical variational Bayesian matrix factorization
// (Nakajima, Sugiyama, Babacan & Tomioka 2013), the noise variance estimated too.
import { gramOfColumns, gramOfRows, type Matrix, symmetricEigenvalues } from '../../numeric/index.js';

/** At least 1. */
export function variationalRank(matrix: Matrix): number {
  const rows = Math.min(matrix.rows, matrix.columns);
  const columns = Math.max(matrix.rows, matrix.columns);
  if (rows === 0) return 1;
  const gram = matrix.rows <= matrix.columns ? gramOfRows(matrix) : gramOfColumns(matrix);
  const squares = symmetricEigenvalues(gram).map((value) => Math.max(value, 0));
  const total = squares.reduce((sum, value) => sum + value, 0);
  if (total === 0) return 1;
  const alpha = rows / columns;
  const tau = 2.5129 * Math.sqrt(alpha);
  const threshold = (1 + tau) * (1 + alpha / tau);
  // Bounds of the noise variance (equations 15 and 16 of the paper, for a complete spectrum).
  const most = Math.max(Math.min(Math.ceil(rows / (1 + alpha)) - 1, rows - 1), 0);
  const upper = total / (rows * columns);
  let rest = 0;
  for (let i = most; i < rows; i++) rest += squares[i];
  const lower = Math.max(
    squares[Math.min(most, rows - 1)] / (columns * threshold),
    rest / (Math.max(rows - most, 1) * columns),
  );
  const variance = minimize((candidate) => freeEnergy(candidate, squares, columns, alpha, threshold), lower, upper);
  const limit = columns * variance * threshold;
  return Math.max(squares.filter((square) => square > limit).length, 1);
}

function freeEnergy(
  variance: number,
  squares: Float64Array,
  columns: number,
  alpha: number,
  threshold: number,
): number {
  let sum = 0;
  for (const square of squares) {
    const x = square / (columns * variance);
    if (x > threshold) {
      const shifted = x - (1 + alpha);
      const tau = (shifted + Math.sqrt(Math.max(shifted * shifted - 4 * alpha, 0))) / 2;
      sum += x - tau + Math.log((tau + 1) / x) + alpha * Math.log(tau / alpha + 1);
    } else {
      sum += x - Math.log(Math.max(x, Number.MIN_VALUE));
    }
  }
  // log σ² per component, which ln(x) of both branches leaves out.
  return sum;
}

/** A minimum of a function of one peak or several: the best of a grid in logarithmic steps, then golden sections beside it. */
function minimize(f: (x: number) => number, low: number, high: number): number {
  if (!(low > 0) || !(high > low)) return Math.max(high, low, Number.MIN_VALUE);
  const steps = 100;
  const ratio = Math.log(high / low) / steps;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step <= steps; step++) {
    const value = f(low * Math.exp(step * ratio));
    if (value < least) {
      least = value;
      best = step;
    }
  }
  let a = Math.max(best - 1, 0) * ratio;
  let b = Math.min(best + 1, steps) * ratio;
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let iteration = 0; iteration < 60; iteration++) {
    const c = b - golden * (b - a);
    const d = a + golden * (b - a);
    if (f(low * Math.exp(c)) < f(low * Math.exp(d))) b = d;
    else a = c;
  }
  return low * Math.exp((a + b) / 2);
}
