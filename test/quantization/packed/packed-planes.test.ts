// Weights of 3 and 2 bits: what onnxruntime decodes from their nibbles, against the integers, multipliers and scales they were made of.
import { expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { parseModel } from '../../../src/ir/index.js';
import { createRandom, unpackSigned } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { packedInt4Tensor, packedMultipliers, packWeight } from '../../../src/quantization/packed/pack-weight.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine, runOnCopy } from '../../fixture-models.js';
import { optimizedOperators } from '../../optimized-graph.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const [k, n] = [48, 6];
const text = `<ir_version: 10, opset_import: ["" : 21]>
test (float[m,${k}] x) => (float[m,${n}] y) <float[1] w = {0}>
{
  h = MatMul (x, w)
  y = Abs (h)
}`;

it.each([3, 2] as const)('%i bits', async (bits) => {
  const random = createRandom(bits);
  const values = Float32Array.from({ length: k * n }, () => random.normal());
  const weight = float32Tensor([k, n], values);
  const model = parseModel(text);
  [...model.graph.initializers][0].constant = weight;
  const options = { bits, compute: 'float32', minimumSize: 1, blockSize: 16 };
  const { model: packed, report } = await runOnCopy(model, quantizeWeights as unknown as Pass, options);
  expect(report.changed).toHaveLength(1);

  const layout = { outer: 1, k, inner: n, blockSize: 16 };
  const found = await packWeight(weight, layout, { bits, search: 'mse-clip' }, inlineWorkers);
  if (typeof found === 'string') throw new TypeError(found);
  const q = unpackSigned(packedInt4Tensor(weight, layout, found).bytes(), 4, k * n);
  const m = unpackSigned(packedMultipliers(weight, layout, found), 4, 3 * n);
  const expected = Float32Array.from(q, (integer, i) => {
    expect(integer >= -(2 ** (bits - 1)) && integer < 2 ** (bits - 1)).toBe(true);
    return Math.abs(Math.fround(integer * m[Math.floor(i / n / 16) * n + (i % n)] * found.scale[i % n]));
  });
  const x = float32Tensor(
    [k, k],
    Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
  );
  for (const optimization of ['disabled', 'all'] as const) {
    const session = await engine.open(packed, { optimization });
    expect((await session.run({ x })).y.readFloat32()).toEqual(expected);
    await session.close();
  }
  const stored = [...packed.graph.initializers].find(({ constant }) => constant?.dataType === 'uint4');
  expect(stored?.constant?.byteLength).toBe((k * n * bits) / 8);
  expect([...(await optimizedOperators(packed, folder)).keys()].sort()).toEqual(['Abs', 'MatMul']);
});

it('refuses kernels that decode no 2 bits', async () => {
  await expect(
    runOnCopy(parseModel(text), quantizeWeights as unknown as Pass, { bits: 2, compute: 'dequantize' }),
  ).rejects.toThrow('2 bits are not for compute dequantize');
});
