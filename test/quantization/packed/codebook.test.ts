// Codebooks: what onnxruntime decodes of them, natively and in WebAssembly, and how much less they lose than four levels for each weight.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as web from 'onnxruntime-web';
import { expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom, unpackSigned } from '../../../src/numeric/index.js';
import { saveModel } from '../../../src/onnx/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { fitCodebook, nearestEntries } from '../../../src/quantization/packed/codebook.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine, runOnCopy } from '../../fixture-models.js';
import { optimizedOperators } from '../../optimized-graph.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const pass = quantizeWeights as unknown as Pass;
const [k, n] = [96, 64];

function modelOf(weight: Float32Array, transposed: boolean): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[m,${k}] x) => (float[m,${n}] y) <float[1] w = {0}>
{
  h = Gemm <transB = ${transposed ? 1 : 0}> (x, w)
  y = Abs (h)
}`);
  [...model.graph.initializers][0].constant = float32Tensor(transposed ? [n, k] : [k, n], weight);
  return model;
}

const unit = float32Tensor(
  [k, k],
  Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
);

it.each([false, true])('decodes vectors when the model is loaded (rows: %s)', async (transposed) => {
  const random = createRandom(7);
  const weight = Float32Array.from({ length: k * n }, () => random.normal());
  const options = { bits: 2, codebook: true, compute: 'float32', minimumSize: 1 };
  const { model, report } = await runOnCopy(modelOf(weight, transposed), pass, options);
  expect(report.changed).toHaveLength(1);
  const stored = (part: string) => [...model.graph.initializers].find(({ name }) => name.endsWith(part))!.constant!;
  const [codes, table] = [stored('vectors_codes').bytes(), stored('vectors_table').read() as Int8Array];
  expect(codes).toHaveLength((k * n) / 4);
  const m = unpackSigned(stored('_m4').bytes(), 4, (k / 16) * n);
  const scale = stored('_scale').readFloat32();
  // y[row of the unit matrix, n] = |w[k, n]|.
  const expected = new Float32Array(k * n);
  const float = new Float32Array(k * n);
  for (let element = 0; element < k * n; element++) {
    const [row, column] = transposed ? [element % k, Math.floor(element / k)] : [Math.floor(element / n), element % n];
    const block = transposed ? Math.floor(element / 16) : Math.floor(row / 16) * n + column;
    const q = table[4 * codes[Math.floor(element / 4)] + (element % 4)];
    expect(Math.abs(q * m[block])).toBeLessThanOrEqual(64);
    expected[row * n + column] = Math.abs(Math.fround(q * m[block] * scale[column]));
    float[row * n + column] = Math.abs(weight[element]);
  }
  const session = await engine.open(model, { optimization: 'all' });
  const { y } = await session.run({ x: unit });
  await session.close();
  expect(y.readFloat32()).toEqual(expected);
  const left = [...(await optimizedOperators(model, folder)).keys()];
  expect(left.filter((operator) => !/Gemm|Abs/.test(operator))).toEqual([]);

  const path = join(folder, 'web.onnx');
  await saveModel(model, path, { overwrite: true });
  const inBrowser = await web.InferenceSession.create(readFileSync(path));
  const result = await inBrowser.run({ x: new web.Tensor('float32', unit.readFloat32(), [k, k]) });
  expect(result.y.data).toEqual(expected);
  await inBrowser.release();

  const scalar = await runOnCopy(modelOf(weight, transposed), pass, { ...options, codebook: false });
  const other = await engine.open(scalar.model);
  const four = (await other.run({ x: unit })).y.readFloat32();
  await other.close();
  const errorOf = (decoded: Float32Array): number => decoded.reduce((sum, x, i) => sum + (x - float[i]) ** 2, 0);
  expect(errorOf(expected)).toBeLessThan(0.9 * errorOf(four));
});

it('fits its vectors to what errors count', () => {
  const random = createRandom(3);
  const values = Float32Array.from({ length: 4 * 5000 }, () => 3 * random.normal());
  const even = new Float32Array(values.length).fill(1);
  const first = even.map((_, i) => (i % 4 === 0 ? 100 : 1));
  const errorOf = (weights: Float32Array): number => {
    const book = fitCodebook({ values, weights });
    const codes = new Uint8Array(5000);
    nearestEntries({ values, weights }, book, codes);
    let error = 0;
    for (let vector = 0; vector < 5000; vector++) error += (values[4 * vector] - book[4 * codes[vector]]) ** 2;
    return error;
  };
  expect(errorOf(first)).toBeLessThan(0.3 * errorOf(even));
});
