// How much each patch under a convolution's kernel counts: the Fisher information of what the convolution makes of it, Σ over channels of (∂L/∂O)² for the loss with the
// model's own answers, instead of 1 (BRECQ, Li et al. 2021; GuidedQuant, Kim et al. 2025).
import type { LinearOperator } from '../../../src/analysis/index.js';
import { DsoptError } from '../../../src/errors.js';
import type { Model } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { rowInformation } from '../../../src/training/index.js';

/** Of each sample, by place in its output; 1 on average over samples and places. */
export type PatchCounts = readonly Float32Array[];

/** What places count that the loss does not depend on: it was seen on few samples. */
const least = 0.1;

/** By name of the output; none where the model has no gradients, which is warned of. */
export async function countPatches(
  model: Model,
  operators: readonly LinearOperator[],
  { engine, workers, samples, signal, record }: PassContext,
): Promise<ReadonlyMap<string, PatchCounts>> {
  if (!samples) return new Map();
  const axes = new Map(operators.map(({ kind, output }) => [output.name, kind === 'conv' ? 1 : -1]));
  try {
    const options = { engine, threads: workers.jobs, signal, axisOf: (name: string) => axes.get(name) ?? -1 };
    const information = await rowInformation(model, [...axes.keys()], samples, options);
    return new Map([...information].map(([name, rows]) => [name, shares(rows)]));
  } catch (cause) {
    if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
    record.warn(`All patches count alike: ${cause.message}`);
    return new Map();
  }
}

function shares(samples: readonly Float32Array[]): PatchCounts {
  const total = samples.reduce((sum, rows) => sum + rows.reduce((a, b) => a + b, 0), 0);
  const mean = total / samples.reduce((sum, rows) => sum + rows.length, 0);
  return samples.map((rows) => rows.map((value) => (mean > 0 ? least + ((1 - least) * value) / mean : 1)));
}
