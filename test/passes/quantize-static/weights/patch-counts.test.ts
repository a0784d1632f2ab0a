// Patches that count by how much the loss depends on them: their moments, and rounding with them.
import { expect, test } from 'vitest';
import { quantizeStatic } from '../../../../passes/quantize-static/index.js';
import { GroupMoments } from '../../../../passes/quantize-static/weights/group-moments.js';
import { PatchGram } from '../../../../passes/quantize-static/weights/patch-gram.js';
import { type LinearOperator, linearOperator } from '../../../../src/analysis/index.js';
import type { MatrixProducts } from '../../../../src/engine/index.js';
import { createRandom } from '../../../../src/numeric/index.js';
import { float32Tensor } from '../../../../src/tensor/index.js';
import { runOnCopy } from '../../../fixture-models.js';
import { errorOf, modelOf } from '../model-of.js';

const header = '<ir_version: 8, opset_import: ["" : 17]>';
const pointwise = modelOf(
  `${header} graph (float[1,2,2,3] x, float[4,2,1,1] w1) => (float[1,4,2,3] y) { y = Conv (x, w1) }`,
);
const [node] = [...pointwise.graph.nodes()];
const operator = linearOperator(node, pointwise) as LinearOperator;
const image = float32Tensor([1, 2, 2, 3], [1, -2, 0.5, 3, 1, -1, 0.2, 0.7, -0.4, 2, 1.5, -3]);
const counts = Float32Array.of(3, 0.5, 1, 0.1, 2, 0.4);

/** One after the other, as the definition has it. */
const products = {
  async gram(rows: Float32Array, columns: number) {
    const result = new Float32Array(columns * columns);
    for (let start = 0; start < rows.length; start += columns)
      for (let i = 0; i < columns; i++)
        for (let j = 0; j < columns; j++) result[i * columns + j] += rows[start + i] * rows[start + j];
    return result;
  },
} as unknown as MatrixProducts;

const sampling = () => ({ most: 100, random: createRandom(1) });

test.each([
  ['one group', () => new PatchGram(operator, sampling(), products)],
  ['groups', () => new GroupMoments(operator, sampling(), true)],
])('moments of patches that count: %s', async (_, make) => {
  const seen = make();
  await seen.observe(image, counts);
  await seen.finish();
  const values = image.readFloat32();
  const total = counts.reduce((a, b) => a + b, 0);
  const mean = (of: (place: number) => number): number => {
    let sum = 0;
    for (const [place, count] of counts.entries()) sum += count * of(place);
    return sum / total;
  };
  const at = (channel: number, place: number): number => values[channel * 6 + place];
  const means = [0, 1].map((channel) => mean((place) => at(channel, place)));
  expect(seen.count).toBeCloseTo(total, 5);
  for (const i of [0, 1]) {
    expect(seen.means[0][i]).toBeCloseTo(means[i], 5);
    for (const j of [0, 1]) {
      const covariance = mean((place) => at(i, place) * at(j, place)) - means[i] * means[j];
      expect(seen.covariances![0][2 * i + j]).toBeCloseTo(covariance, 5);
    }
  }
});

test('convolutions are rounded and corrected by what counts', async () => {
  const model =
    modelOf(`${header} graph (float[1,3,8,8] x, float[8,3,3,3] w1, float[8] b1, float[8,8,3,3] w2, float[8,1,3,3] w3, float[5,8] w4) => (float[1,5] y) {
    [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
    [r1] a1 = Relu (h1)
    [c2] h2 = Conv <pads = [1, 1, 1, 1]> (a1, w2)
    [r2] a2 = Relu (h2)
    [c3] h3 = Conv <pads = [1, 1, 1, 1], group = 8> (a2, w3)
    [p] p1 = GlobalAveragePool (h3)
    [f] f1 = Flatten (p1)
    [g] y = Gemm <transB = 1> (f1, w4)
  }`);
  const options = { rounding: 'gptq', edges: 'integer', minimumSize: 1, slowKernels: 'integer' } as const;
  const integersAndBiases = async (fisher: boolean) => {
    const { model: result, report } = await runOnCopy(model, quantizeStatic, { ...options, fisher });
    expect(report.warnings.join()).not.toMatch(/count alike/);
    expect(await errorOf(model, result)).toBeLessThan(0.1);
    return [...result.graph.initializers].flatMap(({ constant }) =>
      constant?.dataType === 'int8' || constant?.dataType === 'int32'
        ? [Buffer.from(constant.bytes()).toString('hex')]
        : [],
    );
  };
  expect(await integersAndBiases(true)).not.toEqual(await integersAndBiases(false));
});
