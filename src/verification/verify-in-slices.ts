// Verification of models that do not fit into memory: both are cut at the same values, and each pair of slices runs on the
// activations of the original, which are then handed on.

import { planSlices } from '../analysis/index.js';
import type { Feeds } from '../engine/index.js';
import type { Dimension, TensorType } from '../ir/index.js';
import { extractPart } from '../rewrite/index.js';
import { createSyntheticFeeds } from '../synthetic/index.js';
import { asVerification, compareOutputs, runAll, takeSamples, worstOf } from './compare-runs.js';
import type { FidelityReport, NamedFidelity, VerificationOptions } from './verification.js';

/** Part of the memory limit that one slice's weights may take: kernels and activations need room too. */
const sliceShare = 0.25;
const defaultSamples = 2;

export async function verifyInSlices(
  options: VerificationOptions & { readonly maxMemory: number },
): Promise<FidelityReport> {
  const { original, result, engine, resultEngine = engine, maxMemory, signal } = options;
  const plan = planSlices(original, result, maxMemory * sliceShare);
  // Feeds and, slice by slice, the original's activations.
  let known = await collectFeeds(options);
  const compared: NamedFidelity[] = [];
  let handedOver: readonly string[] = [];
  for (const { values: names } of plan) {
    const inputs = new Map(handedOver.map((name) => [name, typeOf(known, name)]));
    // What was handed over and is handed on needs no computing.
    const fresh = names.filter((name) => !inputs.has(name));
    if (fresh.length === 0) continue;
    const expected = await runAll(engine, extractPart(original, inputs, fresh), known, signal);
    const actual = await asVerification(() => runAll(resultEngine, extractPart(result, inputs, fresh), known, signal));
    compared.push(...compareOutputs(expected, actual));
    const needed = new Set([...names, ...original.graph.inputs.map(({ name }) => name)]);
    known = known.map((feed, index) => ({ ...pick(feed, needed), ...expected[index] }));
    handedOver = names;
  }
  const outputs = original.graph.outputs.flatMap(({ name }) => compared.filter((fidelity) => fidelity.name === name));
  const synthetic = !options.samples;
  return { samples: known.length, synthetic, method: 'slices', slices: plan.length, outputs, worst: worstOf(compared) };
}

async function collectFeeds(options: VerificationOptions): Promise<Feeds[]> {
  const { original, samples, sampleCount = defaultSamples, seed, inputShapes } = options;
  if (samples) return takeSamples(samples, sampleCount);
  // No session to try them on: the whole model does not fit.
  const synthetic = createSyntheticFeeds(original, { seed, inputShapes });
  return Array.from({ length: sampleCount }, (_, index) => synthetic.at(index));
}

function pick(feed: Feeds, names: ReadonlySet<string>): Feeds {
  return Object.fromEntries(Object.entries(feed).filter(([name]) => names.has(name)));
}

/** Type of a value from its tensors; an axis whose length differs among the samples is dynamic. */
function typeOf(feeds: readonly Feeds[], name: string): TensorType {
  const [first, ...others] = feeds.map((feed) => feed[name]);
  const shape = first.shape.map(
    (length, axis): Dimension => (others.every((other) => other.shape[axis] === length) ? length : null),
  );
  return { kind: 'tensor', dataType: first.dataType, shape };
}
