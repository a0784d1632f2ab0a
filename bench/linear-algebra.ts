// Seconds and errors of the largest singular values of square matrices by the method that the passes use, for several spectra: of trained weights
// (σᵢ ~ 1/√i), of noise (a Gaussian matrix: the slowest decay there is), of few large values above noise, ill-conditioned (σᵢ down to 1e-12), and of low
// rank. Errors are those against NumPy: of the values, relative to the largest; of the reconstruction, how much larger than the
// least possible it is, relative to that (to the whole matrix where the least is zero). Ends with 1 where one is above 1e-5.
// Run: node dist-bench/bench/linear-algebra.js FOLDER 4096 512 [NAME…], after `python3 bench/linear-algebra.py 4096 512 FOLDER`
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createOnnxRuntimeEngine, MatrixProducts } from '../src/engine/index.js';
import {
  copyMatrix,
  createMatrix,
  createRandom,
  leadingSingularValues,
  type Matrix,
  scaleColumns,
  transpose,
} from '../src/numeric/index.js';

const [folder, ...words] = process.argv.slice(2);
const [size, rank] = words.slice(0, 2).map(Number);
const names = words.length > 2 ? words.slice(2) : readdirSync(folder).filter((file) => file.endsWith('.matrix'));
const products = new MatrixProducts(createOnnxRuntimeEngine(), 2);
const multiply = (a: Matrix, b: Matrix): Promise<Matrix> => products.multiplyExactly(a, b);

for (const name of names) {
  const stem = join(folder, basename(name, '.matrix'));
  await report(basename(stem), createMatrix(size, size, readNumbers(`${stem}.matrix`)), readNumbers(`${stem}.values`));
}
await products.close();

function readNumbers(path: string): Float64Array<ArrayBuffer> {
  return new Float64Array(new Uint8Array(readFileSync(path)).buffer);
}

async function report(what: string, a: Matrix, expected: Float64Array): Promise<void> {
  const start = performance.now();
  const { u, values, v } = await leadingSingularValues(a, rank, { random: createRandom(0), multiply });
  const seconds = (performance.now() - start) / 1000;
  const [largest] = expected;
  const error = values.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]) / largest), 0);
  const scaled = copyMatrix(u);
  scaleColumns(scaled, values);
  const { data } = await multiply(scaled, transpose(v));
  const rest = Math.sqrt(data.reduce((sum, value, index) => sum + (value - a.data[index]) ** 2, 0));
  const normOf = (singular: Float64Array): number => Math.sqrt(singular.reduce((sum, value) => sum + value * value, 0));
  const least = normOf(expected.subarray(values.length));
  const whole = normOf(expected);
  const excess = (rest - least) / (least > 1e-7 * whole ? least : whole);
  if (error > 1e-5 || excess > 1e-5) process.exitCode = 1;
  process.stdout.write(
    `${what}: ${seconds.toFixed(1)} s, values ${error.toExponential(1)}, rest ${excess.toExponential(1)}\n`,
  );
}
