// The proof that every written model goes through: it keeps its interface, loads, runs, and computes what the original computes.
import { freemem } from 'node:os';
import { weightBytes } from '../analysis/index.js';
import type { Feeds } from '../engine/index.js';
import { throwIfAborted, verificationFailed } from '../errors.js';
import { findWorkingFeeds } from '../synthetic/index.js';
import { checkDecoding } from './check-decoding.js';
import { asVerification, compareOutputs, runAll, takeSamples, worstOf } from './compare-runs.js';
import { interfaceDifference } from './interface.js';
import type { FidelityReport, VerificationOptions } from './verification.js';
import { verifyInSlices } from './verify-in-slices.js';

const defaultSamples = 3;

/**
 * Throws VERIFICATION when the result is broken, MODEL_UNSUPPORTED when not even the original runs. `result.path` names the
 * written file; a model without one is encoded.
 */
export async function verifyAgainst(options: VerificationOptions): Promise<FidelityReport> {
  const { original, result, maxMemory = freemem() / 2 } = options;
  const difference = interfaceDifference(original, result);
  if (difference) throw verificationFailed(`The interface changed: ${difference}`);
  throwIfAborted(options.signal);
  if (weightBytes(original) > maxMemory) return verifyInSlices({ ...options, maxMemory });
  return verifyWhole(options);
}

async function verifyWhole(options: VerificationOptions): Promise<FidelityReport> {
  const { original, result, engine, resultEngine = engine, signal } = options;
  const feeds = await collectFeeds(options);
  const expected = await runAll(engine, original, feeds, signal);
  const actual = await asVerification(() => runAll(resultEngine, result.path ?? result, feeds, signal));
  const outputs = compareOutputs(expected, actual);
  const synthetic = !options.samples;
  const decoding = await asVerification(() => checkDecoding(result, resultEngine, feeds[0]));
  return { samples: feeds.length, synthetic, method: 'whole', slices: 1, outputs, worst: worstOf(outputs), decoding };
}

async function collectFeeds(options: VerificationOptions): Promise<Feeds[]> {
  const { original, engine, samples, sampleCount = defaultSamples, seed, inputShapes, signal } = options;
  if (samples) return takeSamples(samples, sampleCount);
  const session = await engine.open(original, { lowMemory: true });
  try {
    const synthetic = await findWorkingFeeds(session, original, { seed, inputShapes, signal });
    return Array.from({ length: sampleCount }, (_, index) => synthetic.at(index));
  } finally {
    await session.close();
  }
}
