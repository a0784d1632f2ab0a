// Rounded convolutions of an earlier run, taken from the calibration cache where model, samples and everything that decides about the rounding are the same.
import { type LinearOperator, readBias } from '../../../src/analysis/index.js';
import { type CacheEntry, hashModel, hashOf } from '../../../src/calibration/index.js';
import type { Model } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import type { Options } from '../options.js';
import { type RoundedConvolution, rowWeights } from './round-weights.js';

type Round = () => Promise<RoundedConvolution[]>;

/** What `round` gives, or gave. */
export async function keptRounding(
  model: Model,
  operators: readonly LinearOperator[],
  bounds: RoundedConvolution['weights']['bounds'],
  options: Options,
  { kept, random }: PassContext,
  round: Round,
): Promise<RoundedConvolution[]> {
  if (!kept || operators.length === 0) return round();
  const { rounding, biasCorrection, granularity, weightType, preset, fisher } = options;
  const settings = JSON.stringify({
    rounding,
    biasCorrection,
    granularity,
    weightType,
    preset,
    fisher,
    bounds,
    seed: random().int(2 ** 31),
  });
  const base = hashOf(hashModel(model), await kept.samplesHash(), settings);
  const keys = operators.map(({ output }) => hashOf(base, output.name));
  const found = keys.map((key, index) => {
    const entry = kept.cache.get(key);
    return entry && restore(entry, operators[index], model, bounds, options);
  });
  if (found.every((entry) => entry !== null)) return found;
  const rounded = await round();
  for (const [index, { integers, bias, weights, techniques, verdicts }] of rounded.entries()) {
    const errors = Float64Array.from(verdicts.flatMap(({ before, after }) => [before, after]));
    const tried = verdicts.map(({ technique }) => technique);
    kept.cache.set(keys[index], { integers, bias, scale: weights.scale, techniques, tried, errors });
  }
  return rounded;
}

/** Null where what is kept does not fit the operator. */
function restore(
  { integers, bias, scale, techniques, tried, errors }: CacheEntry,
  operator: LinearOperator,
  model: Model,
  bounds: RoundedConvolution['weights']['bounds'],
  options: Options,
): RoundedConvolution | null {
  const weights = rowWeights(operator, bounds, options);
  const fits =
    integers instanceof Int8Array &&
    integers.length === weights.values.length &&
    bias instanceof Float32Array &&
    bias.length === weights.rows &&
    scale instanceof Float32Array &&
    scale.length === weights.rows &&
    Array.isArray(techniques) &&
    Array.isArray(tried) &&
    errors instanceof Float64Array &&
    errors.length === 2 * tried.length;
  if (!fits) return null;
  const verdicts = tried.map((technique: string, index) => ({
    technique,
    kept: techniques.includes(technique),
    before: errors[2 * index],
    after: errors[2 * index + 1],
  }));
  const originalBias = readBias(operator, model)!;
  return { operator, weights: { ...weights, scale }, integers, bias, originalBias, techniques, verdicts };
}
