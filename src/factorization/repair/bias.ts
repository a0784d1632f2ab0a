// The bias that goes with factors: it takes up what they change on the mean of the inputs.
import { type LinearOperator, readBias } from '../../analysis/index.js';
import type { Model } from '../../ir/index.js';
import type { Stage } from '../decompositions/family.js';
import type { OperatorShape, WeightGroup } from '../decompositions/problem.js';
import type { Candidate } from '../ranks/candidates.js';
import { applyStages } from '../rewriting/apply-stages.js';

/** An operator with the means of its inputs by group; null where they are not known, or there is no bias. */
export interface Centred {
  readonly candidate: Candidate;
  readonly groups: readonly WeightGroup[];
  readonly means: readonly Float64Array[] | null;
}

/** The old bias and (W − W′)·mean; null where it stays as it is. */
export function movedBias(
  { candidate: { shape }, groups, means }: Centred,
  stages: readonly Stage[],
  operator: LinearOperator,
  model: Model,
): Float32Array | null {
  const old = means && readBias(operator, model);
  if (!means || !old) return null;
  const beta = operator.node.is('Gemm') ? operator.node.attributes.float('beta', 1) : 1;
  const bias = old.map((value) => value * beta);
  const channels = shape.outputChannels / shape.groups;
  for (const [group, mean] of means.entries()) {
    const { weights } = groups[group];
    const now = applyStages(stages, shape, group, mean);
    for (let i = 0; i < channels; i++) {
      let before = 0;
      for (let j = 0; j < weights.columns; j++) before += weights.data[i * weights.columns + j] * mean[j];
      bias[group * channels + i] += before - now[i];
    }
  }
  return bias;
}

/** The mean of the targets minus what the factors make of the mean of the inputs. */
export function fittedBias(
  shape: OperatorShape,
  stages: readonly Stage[],
  means: readonly { readonly input: Float64Array; readonly target: Float64Array }[],
): Float32Array {
  const channels = shape.outputChannels / shape.groups;
  const bias = new Float32Array(shape.outputChannels);
  for (const [group, { input, target }] of means.entries()) {
    const moved = applyStages(stages, shape, group, input);
    for (let i = 0; i < channels; i++) bias[group * channels + i] = target[i] - moved[i];
  }
  return bias;
}
