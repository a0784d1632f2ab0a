// What every pass promises, whatever it does: each built-in pass on each fixture model.
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinPasses } from '../passes/index.js';
import type { Feeds } from '../src/engine/index.js';
import { formatType, type Model, verifyModel } from '../src/ir/index.js';
import { encodeToBytes, loadModel } from '../src/onnx/index.js';
import type { Pass } from '../src/pass/index.js';
import type { Tensor } from '../src/tensor/index.js';
import { feedsFor, fixtureNames, fixturePath, outputsOf, relativeError, runOnCopy } from './fixture-models.js';

interface Fixture {
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly feeds: Feeds;
  readonly outputs: Record<string, Tensor>;
}

const fixtures = new Map<string, Fixture>();

beforeAll(async () => {
  for (const name of fixtureNames) {
    const model = await loadModel(fixturePath(name));
    const feeds = feedsFor(model);
    fixtures.set(name, { model, bytes: encodeToBytes(model), feeds, outputs: await outputsOf(model, feeds) });
  }
});

/** Learning and searching take no longer than they must. */
const optionsOf: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  adaround: { iterations: 20, clip: false },
};

/** How far outputs may be from the original's: see `relativeError`. */
function tolerance({ name, kind }: Pass): number {
  if (name === 'fuse-batchnorm') return 1e-5;
  // An engine may take another kernel for a weight that it now sees to be constant.
  if (name === 'fold-constants' || name === 'unpack-constants') return 1e-6;
  // What is removed from random weights is missed; tests of their own hold what pruning costs.
  if (kind === 'prune') return Number.POSITIVE_INFINITY;
  return kind === 'cleanup' ? 0 : 0.25;
}

function describeInterface({ graph }: Model): string[] {
  const describeValue = ({ name, type }: Model['graph']['inputs'][number]): string => `${name}: ${formatType(type)}`;
  const inputs = graph.inputs.filter(({ isInitializer }) => !isInitializer).map(describeValue);
  return [...inputs, '→', ...graph.outputs.map(describeValue)];
}

for (const pass of builtinPasses as readonly Pass[]) {
  describe(pass.name, () => {
    for (const name of fixtureNames) {
      it(`keeps its promises on ${name}`, async () => {
        const fixture = fixtures.get(name);
        if (!fixture) throw new Error(`${name} was not loaded`);
        const { model: original, feeds } = fixture;
        const { model, report } = await runOnCopy(original, pass, optionsOf[pass.name]);

        expect(Buffer.compare(encodeToBytes(original), fixture.bytes), 'the original is untouched').toBe(0);
        verifyModel(model);
        expect(describeInterface(model), 'the interface is kept').toEqual(describeInterface(original));
        expect(report.edited, 'what changed is recorded').toBe(report.changed.length > 0);
        for (const { reason } of report.skipped) expect(reason).not.toBe('');

        const bytes = encodeToBytes(model);
        // What prepares a model for quantization may need a bias or a scale more.
        if (pass.kind !== 'cleanup' && pass.kind !== 'smooth')
          expect(bytes.length).toBeLessThanOrEqual(fixture.bytes.length);
        const again = await runOnCopy(original, pass, optionsOf[pass.name]);
        expect(Buffer.compare(encodeToBytes(again.model), bytes), 'the same seed gives the same bytes').toBe(0);

        const outputs = await outputsOf(model, feeds);
        expect(Object.keys(outputs)).toEqual(Object.keys(fixture.outputs));
        for (const [output, tensor] of Object.entries(outputs)) {
          const error = relativeError(tensor, fixture.outputs[output]);
          expect(error, `output ${output}`).toBeLessThanOrEqual(tolerance(pass));
        }
        if (pass.kind === 'cleanup') {
          const twice = await runOnCopy(model, pass);
          expect(twice.report.changed, 'a second run finds nothing more').toEqual([]);
        }
      });
    }
  });
}
