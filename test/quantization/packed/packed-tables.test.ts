// Weights that tables decode: what onnxruntime makes of their bytes, natively and in WebAssembly, against the integers, multipliers and scales they
// were made of.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as web from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom, unpackSigned } from '../../../src/numeric/index.js';
import { saveModel } from '../../../src/onnx/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { packedMultipliers, packWeight } from '../../../src/quantization/packed/pack-weight.js';
import { readIntegers } from '../../../src/quantization/packed/packed-tables.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine, runOnCopy } from '../../fixture-models.js';
import { optimizedOperators } from '../../optimized-graph.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const pass = quantizeWeights as unknown as Pass;
const [k, n] = [48, 7];

function modelOf(opset: number): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : ${opset}]>
test (float[m,${k}] x) => (float[m,${n}] y) <float[1] w = {0}>
{
  h = MatMul (x, w)
  y = Abs (h)
}`);
  const random = createRandom(opset);
  const values = Float32Array.from({ length: k * n }, () => random.normal());
  [...model.graph.initializers][0].constant = float32Tensor([k, n], values);
  return model;
}

const unit = float32Tensor(
  [k, k],
  Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
);

describe.each([14, 17, 20])('opset %i', (opset) => {
  it.each([4, 3, 2, 1.6] as const)('%d bits', async (bits) => {
    const model = modelOf(opset);
    const weight = [...model.graph.initializers][0].constant!;
    const options = { bits, compute: 'float32', minimumSize: 1, highestOpset: opset };
    const { model: packed, report } = await runOnCopy(model, pass, options);
    expect(report.changed).toHaveLength(1);
    expect(packed.opset).toBe(opset);

    const layout = { outer: 1, k, inner: n, blockSize: 16 };
    const found = await packWeight(weight, layout, { bits, search: 'mse-clip' }, inlineWorkers);
    if (typeof found === 'string') throw new TypeError(found);
    const q = readIntegers(weight, layout, found);
    expect(Math.max(...q.map(Math.abs))).toBe({ 4: 8, 3: 4, 2: 2, 1.6: 1 }[bits]);
    const m = unpackSigned(packedMultipliers(weight, layout, found), 4, 3 * n);
    const expected = Float32Array.from(q, (integer, i) =>
      Math.abs(Math.fround(integer * m[Math.floor(i / n / 16) * n + (i % n)] * found.scale[i % n])),
    );
    const session = await engine.open(packed, { optimization: 'all' });
    expect((await session.run({ x: unit })).y.readFloat32()).toEqual(expected);
    await session.close();
    const bytes = [...packed.graph.initializers].filter(({ name }) => /w_q.*codes/.test(name));
    const stored = bytes.reduce((sum, { constant }) => sum + constant!.byteLength, 0);
    expect(stored).toBe(bits === 1.6 ? Math.ceil((k * n) / 5) : (k * n * bits) / 8);
    expect([...(await optimizedOperators(packed, folder)).keys()].sort()).toEqual(['Abs', 'MatMul']);

    if (opset !== 17) return;
    const path = join(folder, 'web.onnx');
    await saveModel(packed, path, { overwrite: true });
    const inBrowser = await web.InferenceSession.create(readFileSync(path));
    const { y } = await inBrowser.run({ x: new web.Tensor('float32', unit.readFloat32(), [k, k]) });
    expect(y.data).toEqual(expected);
    await inBrowser.release();
  });
});

it('stores integers as before where the opset may be raised, and three levels in 1.6 bits', async () => {
  const { model } = await runOnCopy(modelOf(17), pass, { bits: 4, minimumSize: 1 });
  expect(model.opset).toBe(21);
  const { model: three } = await runOnCopy(modelOf(17), pass, { bits: 1.6, minimumSize: 1 });
  expect([...three.graph.initializers].map(({ name }) => name)).toContain('w_q1.6_0_codes');
  expect([...(await optimizedOperators(three, folder)).keys()].sort()).toEqual(['Abs', 'MatMul']);
});
