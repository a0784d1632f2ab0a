// The switched model computes exactly what the model and its quantized form compute.
import { describe, expect, test } from 'vitest';
import { quantizeDynamic } from '../../passes/quantize-dynamic/index.js';
import { quantizeWeights } from '../../passes/quantize-weights/index.js';
import { roundWeights } from '../../src/explain/round-weights.js';
import { switchNodes } from '../../src/explain/switch-nodes.js';
import { openSwitched } from '../../src/explain/switched-session.js';
import { verifyModel } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import type { Pass } from '../../src/pass/index.js';
import { engine, feedsFor, fixtureNames, fixturePath, outputsOf, relativeError, runOnCopy } from '../fixture-models.js';

const passes: readonly { readonly pass: Pass; readonly options: Readonly<Record<string, unknown>> }[] = [
  { pass: quantizeDynamic, options: { minimumSize: 16 } },
  { pass: quantizeWeights, options: { minimumSize: 16, embeddingBits: 4 } },
  { pass: roundWeights, options: { bits: 4 } },
];

/** Models whose inputs or outputs are no plain tensors, or that have nothing to quantize. */
const others = new Set(['sequences.onnx', 'resnet20_cifar10.onnx']);

/** Kernels differ with the optimization of a graph; float16 is rounded where two of them meet. */
const toleranceOf = (name: string): number => (name === 'float16.onnx' ? 2e-3 : 1e-4);

describe.each(passes)('$pass.name', ({ pass, options }) => {
  test.each(fixtureNames.filter((name) => !others.has(name)))('%s', async (name) => {
    const model = await loadModel(fixturePath(name));
    const { model: quantized, report } = await runOnCopy(model, pass, options);
    const labels = new Set(report.changed.map(({ target }) => target));
    const switched = switchNodes(model, labels);
    verifyModel(switched.model);
    if (switched.nodes.length === 0) return;
    const include = switched.nodes.map(({ copy }) => copy);
    const done = await runOnCopy(switched.model, pass, { ...options, include });
    expect(done.report.changed.map(({ target }) => target).sort()).toEqual([...include].sort());
    const tolerance = toleranceOf(name);
    const feeds = feedsFor(model);
    const wanted = model.graph.outputs.map((output) => output.name);
    const [float, changed] = [await outputsOf(model, feeds), await outputsOf(quantized, feeds)];
    for (const cut of [false, true]) {
      const session = await openSwitched(model, { ...switched, model: done.model }, { engine, threads: 1, cut });
      try {
        const none = await session.run(feeds, wanted, []);
        const all = await session.run(feeds, wanted, [...switched.nodes.keys()]);
        const last = await session.run(feeds, wanted, [switched.nodes.length - 1]);
        for (const output of wanted) {
          expect(relativeError(none[output], float[output])).toBeLessThan(tolerance);
          expect(relativeError(all[output], changed[output])).toBeLessThan(tolerance);
          expect(Object.keys(last).sort()).toEqual([...wanted].sort());
        }
      } finally {
        await session.close();
      }
    }
  });
});
