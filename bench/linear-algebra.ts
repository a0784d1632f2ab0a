// Seconds and errors of decompositions on this machine: eigenvalues and singular values of square matrices with the spectrum of trained weights
// (σᵢ = 1/√i), whole, truncated to an eighth, and by random projections.
// Run: node dist-bench/bench/linear-algebra.js 512 1024 4096
import {
  copyMatrix,
  createMatrix,
  createRandom,
  factorQr,
  type Matrix,
  multiplyByTransposed,
  randomizedSingularValues,
  type SingularValues,
  scaleColumns,
  singularValues,
  truncatedSingularValues,
} from '../src/numeric/index.js';

for (const size of process.argv.slice(2).map(Number)) {
  const random = createRandom(size);
  const expected = Float64Array.from({ length: size }, (_, index) => 1 / Math.sqrt(index + 1));
  const left = orthonormal(size, random.fork('left'));
  scaleColumns(left, expected);
  const a = multiplyByTransposed(left, orthonormal(size, random.fork('right')));
  const rank = size / 8;
  if (size <= 1024) await report(`${size}: all`, a, expected, async () => singularValues(a));
  await report(`${size}: the first ${rank}`, a, expected, async () => truncatedSingularValues(a, rank));
  await report(`${size}: the first ${rank}, random projections`, a, expected, () =>
    randomizedSingularValues(a, rank, { random: random.fork('projection') }),
  );
}

function orthonormal(size: number, random: ReturnType<typeof createRandom>): Matrix {
  const matrix = createMatrix(size, size);
  for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = random.normal();
  return factorQr(matrix).q;
}

async function report(
  what: string,
  a: Matrix,
  expected: Float64Array,
  run: () => Promise<SingularValues>,
): Promise<void> {
  const start = performance.now();
  const { u, values, v } = await run();
  const seconds = (performance.now() - start) / 1000;
  const error = values.reduce((largest, value, index) => Math.max(largest, Math.abs(value - expected[index])), 0);
  const scaled = copyMatrix(u);
  scaleColumns(scaled, values);
  const { data } = multiplyByTransposed(scaled, v);
  const rest = data.reduce((sum, value, index) => sum + (value - a.data[index]) ** 2, 0);
  const least = expected.subarray(values.length).reduce((sum, value) => sum + value * value, 0);
  const excess =
    least > 0
      ? `residual ${Math.sqrt(rest / least).toFixed(6)} of the least possible`
      : `residual ${Math.sqrt(rest).toExponential(1)}`;
  process.stdout.write(`${what}: ${seconds.toFixed(1)} s, largest error of σ ${error.toExponential(1)}, ${excess}\n`);
}
