// Products joined and taken apart again: the same bits each way, for products with and without biases and zero points.
import { expect, it } from 'vitest';
import { joinProducts as pass } from '../../../passes/join-products/index.js';
import { quantizeDynamic } from '../../../passes/quantize-dynamic/index.js';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { cloneModel, type Model, parseModel, verifyModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { separateProducts } from '../../../src/quantization/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { IntegerWeights } from '../../../src/training/weights/integer-weights.js';
import { feedsFor, outputsOf, runOnCopy } from '../../fixture-models.js';

function attentionOf(keyBias: boolean): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
test (float[n,128] x) => (float[n,96] y, float[n,64] z) <
  float[1] wq = {0}, float[1] wk = {0}, float[1] wv = {0}, float[1] bq = {0}, float[1] bk = {0}, float[1] bv = {0}
> {
  hq = MatMul (x, wq)
  q = Add (hq, bq)
  hk = MatMul (x, wk)
  ${keyBias ? 'k = Add (hk, bk)' : 'k = Identity (hk)'}
  hv = MatMul (x, wv)
  v = Add (bv, hv)
  y = Mul (q, k)
  z = Relu (v)
}`);
  const random = createRandom(3);
  for (const value of model.graph.initializers) {
    const columns = value.name.endsWith('v') ? 64 : 96;
    const shape = value.name.startsWith('w') ? [128, columns] : [columns];
    const size = shape.reduce((product, length) => product * length, 1);
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => random.normal() + 0.3),
    );
  }
  return model;
}

const count = (model: Model, opType: string) => [...model.allNodes()].filter((node) => node.is(opType)).length;

it.each([
  ['packed in 4 bits', quantizeWeights, { bits: 4, compute: 'int8' }, true],
  ['packed in 4 bits, one bias less', quantizeWeights, { bits: 4, compute: 'int8' }, false],
  ['in 8 bits with zero points', quantizeDynamic, { symmetric: false }, true],
] as const)('%s', async (_, quantize, options, keyBias) => {
  const { model } = await runOnCopy(attentionOf(keyBias), quantize as unknown as Pass, options);
  const feeds = feedsFor(model);
  const expected = await outputsOf(model, feeds);
  const { model: joined, report } = await runOnCopy(model, pass as unknown as Pass);
  expect(report.changed.map(({ what }) => what)).toEqual(new Array(3).fill('one product of 3'));
  expect(count(joined, 'MatMulInteger')).toBe(1);
  verifyModel(joined);
  expect(await outputsOf(joined, feeds)).toEqual(expected);

  const separated = cloneModel(joined);
  separateProducts(separated.graph);
  verifyModel(separated);
  expect(count(separated, 'MatMulInteger')).toBe(3);
  expect([count(separated, 'Split'), count(separated, 'Concat')]).toEqual([0, 0]);
  expect(await outputsOf(separated, feeds)).toEqual(expected);
});

it('trains each of the joined weights', async () => {
  const { model } = await runOnCopy(attentionOf(true), quantizeWeights as unknown as Pass, {
    bits: 4,
    compute: 'int8',
  });
  const { model: joined } = await runOnCopy(model, pass as unknown as Pass);
  const { signal } = new AbortController();
  const rounded = (each: Model) => {
    const weights = IntegerWeights.of(each, { learnScales: true, signal })!;
    return [...weights.model.graph.initializers].filter(({ name }) => weights.rounds(name)).length;
  };
  expect(rounded(joined)).toBe(rounded(model));
  expect(rounded(joined)).toBeGreaterThanOrEqual(3);
});
