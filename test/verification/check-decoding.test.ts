// What decodes weights runs once: proven by profiles of onnxruntime-node, and by what onnxruntime-web says while it loads the model.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { quantizeWeights } from '../../passes/quantize-weights/index.js';
import { loadTimeNodes } from '../../src/analysis/index.js';
import type { Engine } from '../../src/engine/index.js';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { saveModel } from '../../src/onnx/index.js';
import type { Pass } from '../../src/pass/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { checkDecoding } from '../../src/verification/check-decoding.js';
import { engine, feedsFor, runOnCopy } from '../fixture-models.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder();
const pass = quantizeWeights as unknown as Pass;

async function packed(options: Readonly<Record<string, unknown>>): Promise<Model> {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
test (float[5,64] x) => (float[5,64] y) <float[1] v = {0}, float[1] w = {0}>
{
  a = MatMul (x, v)
  b = Relu (a)
  c = Gemm <transB = 1> (b, w)
  y = Tanh (c)
}`);
  const random = createRandom(1);
  const shapes: Readonly<Record<string, readonly [number, number]>> = { v: [64, 160], w: [64, 160] };
  for (const value of model.graph.initializers) {
    const shape = shapes[value.name];
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal());
    value.constant = float32Tensor(shape, values);
  }
  return (await runOnCopy(model, pass, options)).model;
}

const unoptimizing: Engine = {
  ...engine,
  open: (model, options) => engine.open(model, { ...options, optimization: 'disabled' }),
};

const forms = [
  ['4 bits', { bits: 4 }],
  ['3 bits', { bits: 3 }],
  ['2 bits', { bits: 2 }],
  ['4 bits, computed in float', { bits: 4, compute: 'float32' }],
] as const;

describe.each(forms)('%s', (_, options) => {
  it('are decoded by onnxruntime-node when it loads the model', async () => {
    const model = await packed(options);
    const atLoad = loadTimeNodes(model).length;
    expect(atLoad).toBeGreaterThan(6);
    expect(await checkDecoding(model, engine, feedsFor(model))).toEqual({ atLoad, inRuns: [] });
  });
});

const web = fileURLToPath(new URL('../../node_modules/onnxruntime-web/dist/ort.node.min.mjs', import.meta.url));

it.skipIf(!existsSync(web))(
  'onnxruntime-web decodes weights when it loads them, and drops what they were stored as',
  async () => {
    const models: Model[] = [];
    for (const [index, [, options]] of forms.slice(0, 2).entries()) {
      models.push(await packed(options));
      await saveModel(models[index], join(folder, `${index}.onnx`));
    }
    const script = `
import { readFileSync } from 'node:fs';
import * as ort from ${JSON.stringify(pathToFileURL(web).href)};
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'verbose';
for (const path of process.argv.slice(1)) {
  console.error('model ' + path);
  await ort.InferenceSession.create(readFileSync(path), { executionProviders: ['wasm'], logSeverityLevel: 0 });
}`;
    const paths = models.map((_, index) => join(folder, `${index}.onnx`));
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, ...paths], { encoding: 'utf8' });
    const logs = child.stderr.split(/^model .*$/m).slice(1);
    expect(logs).toHaveLength(models.length);
    for (const [index, model] of models.entries()) {
      const nodes = loadTimeNodes(model);
      const decoding = new Set(nodes);
      // Every value that only decoding nodes take, shapes apart.
      const values = nodes.flatMap((node) => [...node.inputs, ...node.outputs]).filter((value) => value !== null);
      const dropped = values.filter(
        (value) => value.constant?.dataType !== 'int64' && [...value.uses].every(({ node }) => decoding.has(node)),
      );
      expect(dropped.length).toBeGreaterThan(6);
      const kept = dropped.filter(({ name }) => !logs[index].includes(`Removing initializer '${name}'`));
      expect(kept.map(({ name }) => name)).toEqual([]);
    }
  },
  180_000,
);

it('tells what runs in every inference', async () => {
  const model = await packed({ bits: 4 });
  const found = await checkDecoding(model, unoptimizing, feedsFor(model));
  expect(found?.atLoad).toBe(0);
  expect(found?.inRuns).toContain('Cast v_q');
});

it('has nothing to say of models without packed weights', async () => {
  const model = await packed({ bits: 4, compute: 'nbits' });
  expect(await checkDecoding(model, engine, feedsFor(model))).toBeUndefined();
});
