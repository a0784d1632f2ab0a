// The algorithms that round a matrix, each judged by the error that it says it makes small.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import {
  type MatrixAlgorithm,
  type MatrixForm,
  MatrixRounder,
} from '../../../src/quantization/matrices/round-matrix.js';
import { HeldOutError } from '../../../src/quantization/rounding/held-out-error.js';

const [k, n] = [96, 12];
const random = createRandom(5);
const mixture = Float64Array.from({ length: k * 5 }, () => random.normal());
/** Channels of very different strength, with much in common. */
const strength = Float64Array.from({ length: k }, () => Math.exp(random.normal()));

function inputs(rows: number): Float32Array {
  const x = new Float32Array(rows * k);
  for (let row = 0; row < rows; row++) {
    const hidden = Array.from({ length: 5 }, () => random.normal());
    for (let i = 0; i < k; i++) {
      x[row * k + i] = strength[i] * (random.normal() + hidden.reduce((sum, h, j) => sum + h * mixture[i * 5 + j], 0));
    }
  }
  return x;
}

function gramOf(x: Float32Array): Float64Array {
  const gram = new Float64Array(k * k);
  for (let row = 0; row < x.length; row += k) {
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) gram[i * k + j] += x[row + i] * x[row + j];
  }
  return gram;
}

const weights = Float32Array.from({ length: k * n }, () => random.normal() ** 3);
const x = inputs(400);
const gram = gramOf(x);
const rounder = new MatrixRounder(gram, k, { damping: 0.01, actOrder: false });

function errorsOf(form: MatrixForm, algorithm: MatrixAlgorithm): Float64Array {
  const decoded = rounder.round(weights, n, form, algorithm)!.rounding.decode();
  return Float64Array.from(weights, (weight, i) => weight - decoded[i]);
}

/** Σ over columns of eᵀ·M·e, with M the part of the moments that `counts` says. */
function cost(errors: Float64Array, counts: (i: number, j: number) => boolean): number {
  let sum = 0;
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) {
      if (!counts(i, j)) continue;
      for (let column = 0; column < n; column++)
        sum += errors[i * n + column] * gram[i * k + j] * errors[j * n + column];
    }
  }
  return sum;
}

const forms: readonly (readonly [string, MatrixForm])[] = [
  ['packed, 4 bits', { kind: 'packed', bits: 4, blockSize: 16 }],
  ['packed, 3 bits', { kind: 'packed', bits: 3, blockSize: 32 }],
  ['packed, three levels', { kind: 'packed', bits: 1.6, blockSize: 16 }],
  ['symmetric blocks', { kind: 'blocks', bits: 4, blockSize: 32, symmetric: true }],
  ['blocks around zero points, the last one not full', { kind: 'blocks', bits: 4, blockSize: 64, symmetric: false }],
];

describe.each(forms)('%s', (_name, form) => {
  const sameBlock = (i: number, j: number): boolean =>
    Math.floor(i / form.blockSize) === Math.floor(j / form.blockSize);
  const plain = errorsOf(form, 'mse-clip');

  it('imatrix: least error weighted by second moments', () => {
    const own = errorsOf(form, 'imatrix');
    expect(cost(own, (i, j) => i === j)).toBeLessThan(cost(plain, (i, j) => i === j));
  });

  it('scale-estimation: least error of the outputs of blocks', () => {
    const own = errorsOf(form, 'scale-estimation');
    expect(cost(own, sameBlock)).toBeLessThan(cost(plain, sameBlock));
  });

  it('gptq: least error of outputs', () => {
    const own = errorsOf(form, 'gptq');
    expect(cost(own, () => true)).toBeLessThan(0.6 * cost(plain, () => true));
  });

  it('hqq: least error in its norm', () => {
    const own = errorsOf(form, 'hqq');
    const sparse = (errors: Float64Array): number => errors.reduce((sum, error) => sum + Math.abs(error) ** 0.7, 0);
    expect(sparse(own)).toBeLessThan(sparse(plain));
  });

  it('k-quant: large weights lose less', () => {
    const own = errorsOf(form, 'k-quant');
    const weighted = (errors: Float64Array): number =>
      errors.reduce((sum, error, i) => sum + Math.abs(weights[i]) * error * error, 0);
    expect(weighted(own)).toBeLessThan(weighted(plain));
  });
});

it('measures the error of outputs as an independent product does', () => {
  const form = forms[0][1];
  const held = inputs(50);
  const measure = new HeldOutError(weights, n, { original: held, now: held });
  expect(measure.chosen(weights)).toEqual(weights);
  const errorOf = (algorithm: MatrixAlgorithm): number =>
    measure.of(rounder.round(weights, n, form, algorithm)!.rounding.decode());
  expect(errorOf('gptq')).toBeLessThan(errorOf('mse-clip'));
  const errors = errorsOf(form, 'mse-clip');
  let [lost, power] = [0, 0];
  for (let row = 0; row < held.length; row += k) {
    for (let column = 0; column < n; column++) {
      let [error, output] = [0, 0];
      for (let i = 0; i < k; i++) {
        error += held[row + i] * errors[i * n + column];
        output += held[row + i] * weights[i * n + column];
      }
      lost += error * error;
      power += output * output;
    }
  }
  expect(errorOf('mse-clip')).toBeCloseTo(lost / power, 5);
});

it('does nothing where moments are zero', () => {
  const nothing = new MatrixRounder(new Float64Array(k * k), k, { damping: 0.01, actOrder: false });
  expect(nothing.round(weights, n, forms[0][1], 'gptq')).toBeNull();
});
