// Codebooks fitted to data: what a row counts, errors made up for by later rows, and the bytes that files hold.
import { describe, expect, it } from 'vitest';
import { parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import {
  type MatrixAlgorithm,
  MatrixRounder,
  type RoundedMatrix,
} from '../../../src/quantization/matrices/round-matrix.js';
import { packedFromRounded } from '../../../src/quantization/matrices/store-rounded.js';
import { addPackedWeight } from '../../../src/quantization/packed/packed-weight.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { outputsOf } from '../../fixture-models.js';

const [k, n, blockSize] = [64, 128, 16];
const random = createRandom(11);
const weights = Float32Array.from({ length: k * n }, () => random.normal());

/** Of inputs with channels of very different strength and much in common. */
function momentsOfInputs(): Float64Array {
  const strength = Float64Array.from({ length: k }, () => Math.exp(random.normal()));
  const mixture = Float64Array.from({ length: k }, () => random.normal());
  const gram = new Float64Array(k * k);
  for (let row = 0; row < 300; row++) {
    const hidden = 2 * random.normal();
    const x = Float64Array.from({ length: k }, (_, i) => strength[i] * (random.normal() + hidden * mixture[i]));
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) gram[i * k + j] += x[i] * x[j];
  }
  return gram;
}

const gram = momentsOfInputs();
const rounder = new MatrixRounder(gram, k, { damping: 0.01, actOrder: false });
const form = { kind: 'packed', bits: 2, blockSize, codebook: true } as const;

function round(algorithm: MatrixAlgorithm): RoundedMatrix {
  return rounder.round(weights, n, form, algorithm)!;
}

/** Σ over columns of eᵀ·M·e, M the moments or their diagonal. */
function cost({ rounding }: RoundedMatrix, whole: boolean): number {
  const errors = rounding.decode().map((value, i) => weights[i] - value);
  let sum = 0;
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) {
      if (!whole && i !== j) continue;
      for (let column = 0; column < n; column++)
        sum += errors[i * n + column] * gram[i * k + j] * errors[j * n + column];
    }
  }
  return sum;
}

describe('matrices rounded to vectors of a codebook', () => {
  const plain = round('mse-clip');

  it('imatrix: least error weighted by second moments', () => {
    expect(cost(round('imatrix'), false)).toBeLessThan(0.9 * cost(plain, false));
  });

  it('gptq: least error of outputs', () => {
    expect(cost(round('gptq'), true)).toBeLessThan(0.5 * cost(plain, true));
  });

  it('decode in onnxruntime to what was found', async () => {
    const { rounding, scale, vectors } = round('gptq');
    const { integers, steps, zeroPoints, multipliers } = rounding;
    const parameters = packedFromRounded({ integers, steps, zeroPoints, multipliers, vectors }, scale!, 2, false);
    const model = parseModel(
      '<ir_version: 10, opset_import: ["" : 21]> test (float[1] x) => (float[1] y) { y = Neg(x) }',
    );
    const layout = { outer: 1, k, inner: n, blockSize };
    const weight = addPackedWeight(model.graph, 'w', float32Tensor([k, n], weights), layout, parameters);
    const wide = model.graph.append({ opType: 'Identity', inputs: [weight.value], outputs: ['w8'] }).output;
    model.graph.addOutput(wide);
    const { w8 } = await outputsOf(model, { x: float32Tensor([1], [0]) });
    const decoded = Float32Array.from(w8.readNumbers(), (integer, i) => Math.fround(integer * scale![i % n]));
    const found = rounding.decode();
    for (let i = 0; i < found.length; i++) expect(Math.abs(decoded[i] - found[i])).toBeLessThan(1e-6);
  });
});
