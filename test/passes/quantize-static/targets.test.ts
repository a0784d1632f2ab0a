// What is emitted for a runtime: only operators that it implements.
import { expect, it } from 'vitest';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { createOnnxRuntimeWebEngine } from '../../../src/engine/index.js';
import { cloneModel, type Model } from '../../../src/ir/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { runPass } from '../../../src/pass/index.js';
import { parseTarget } from '../../../src/quantization/index.js';
import { engine, feedsFor, relativeError, samplesFor } from '../../fixture-models.js';
import { modelOf } from './model-of.js';

const textAt = (opset: number): string => `<ir_version: 8, opset_import: ["" : ${opset}]>
graph (float[1,3,8,8] x, float[8,3,3,3] w1, float[8,8,3,3] w2, float[8,8,1,1] w3) => (float[1,8,8,8] y) {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  [r1] a1 = Relu (h1)
  [c2] h2 = Conv <pads = [1, 1, 1, 1]> (a1, w2)
  [add] s = Add (h2, a1)
  [c3] y = Conv (s, w3)
}`;

async function quantizeFor(original: Model, target: string, options: Readonly<Record<string, unknown>> = {}) {
  const model = cloneModel(original);
  const { signal } = new AbortController();
  const samples = samplesFor(original);
  const environment = {
    original,
    engine,
    workers: inlineWorkers,
    samples,
    target: parseTarget(target),
    signal,
    seed: 0,
  };
  const report = await runPass(model, quantizeStatic, { edges: 'integer', minimumSize: 1, ...options }, environment);
  return { model, report };
}

const domains = (model: Model): Set<string> => new Set([...model.allNodes()].map(({ domain }) => domain));

it('needs nothing but ONNX where the runtime is not known, in either format', async () => {
  for (const options of [{}, { format: 'qoperator' }, { activationType: 'uint16' }]) {
    const { model } = await quantizeFor(modelOf(textAt(12)), 'generic', options);
    expect(domains(model)).toEqual(new Set(['']));
    expect(model.opset).toBe(options.activationType ? 21 : 13);
    const session = await engine.open(model);
    await session.run(feedsFor(model));
    await session.close();
  }
});

it('uses operators of onnxruntime where it is', async () => {
  const { model } = await quantizeFor(modelOf(textAt(12)), 'cpu', { format: 'qoperator' });
  expect(domains(model)).toEqual(new Set(['', 'com.microsoft']));
});

it('places no pairs around what the runtime does not fuse', async () => {
  const { model, report } = await quantizeFor(modelOf(textAt(17)), 'cpu', { activationType: 'int8' });
  expect(report.changed.map(({ target }) => target)).toEqual(['c1', 'c2', 'c3']);
  expect([...model.graph.nodes()].filter((node) => node.is('QuantizeLinear'))).toHaveLength(5);
});

it('runs in WebAssembly as on the processor', async () => {
  const original = modelOf(textAt(17));
  const { model } = await quantizeFor(original, 'web');
  const results = [];
  for (const runtime of [engine, createOnnxRuntimeWebEngine()]) {
    const session = await runtime.open(model);
    results.push((await session.run(feedsFor(original, 2))).y);
    await session.close();
  }
  expect(relativeError(results[1], results[0])).toBeLessThan(0.05);
});
