// Matrix products that share their input, rounded together: each by the algorithm that loses least of its outputs, or all with scales between the
// input and the weights (AWQ), which they must share.
import type { Node } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  type MatrixAlgorithm,
  type RoundedWeight,
  roundWeight,
  searchChannelScalesTask,
} from '../../src/quantization/index.js';
import type { Calibratable, DividedInput } from './calibrated.js';
import type { InputMoments } from './calibrated-inputs.js';
import { scalePlace } from './input-scales.js';
import type { Settings } from './options.js';
import { formOf, readMatrix } from './stored-matrix.js';

interface RoundedGroup {
  readonly weights: readonly (RoundedWeight | string)[];
  readonly divided: DividedInput | null;
}

/** @param isStored whether the output channels of a product can be divided by scales, in those of its weight. */
export async function roundGroup(
  group: readonly Calibratable[],
  moments: InputMoments,
  algorithms: readonly MatrixAlgorithm[],
  isStored: (node: Node) => boolean,
  settings: Settings,
  context: PassContext,
): Promise<RoundedGroup> {
  const others = algorithms.filter((algorithm) => algorithm !== 'awq');
  // Patches hold an input channel several times: scales between norms and weights are for matrices.
  const scaling = algorithms.includes('awq') && group[0].operator.kind === 'matrix';
  const round = (tried: readonly MatrixAlgorithm[], scales: Float32Array | null) =>
    Promise.all(group.map((target) => roundOne(target, moments, tried, scales, settings, context)));
  const plain = others.length > 0 ? { weights: await round(others, null), divided: null } : null;
  if (!scaling) return plain ?? { weights: await round(['scale-estimation'], null), divided: null };
  const scaled = await roundScaled(group, moments, plain === null, isStored, round, context);
  // Where scales do not help, the range of each block is still searched by what it loses of outputs.
  if (scaled === null) return plain ?? { weights: await round(['scale-estimation'], null), divided: null };
  return plain === null || errorOf(scaled) < errorOf(plain) ? scaled : plain;
}

async function roundScaled(
  group: readonly Calibratable[],
  { gram }: InputMoments,
  always: boolean,
  isStored: (node: Node) => boolean,
  round: (tried: readonly MatrixAlgorithm[], scales: Float32Array) => Promise<readonly (RoundedWeight | string)[]>,
  { workers, signal }: PassContext,
): Promise<RoundedGroup | null> {
  const [{ operator }] = group;
  const nodes = group.map((target) => target.operator.node);
  if (!group.every((target) => target.operator.ownsWeight)) return null;
  const place = scalePlace(operator.input, nodes, operator.rowLength, isStored);
  // A Mul costs time in every run: only where AWQ was asked for.
  if (place.kind === 'multiply' && !always) return null;
  const matrices = group.map(({ request, operator: { outputChannels } }) => {
    const weights = readMatrix(request);
    const step = Math.ceil(outputChannels / searchedChannels);
    const some = weights.filter((_, i) => (i % outputChannels) % step === 0);
    // Neighbours that would share a vector are not among the searched channels.
    const form = { ...formOf(request), codebook: false };
    return { weights: some, n: Math.ceil(outputChannels / step), form };
  });
  const scales = await workers.run(searchChannelScalesTask, { matrices, gram }, signal);
  if (scales === null) return null;
  const weights = await round(['awq'], scales);
  return weights.some((weight) => typeof weight === 'string') ? null : { weights, divided: { place, scales } };
}

/** Output channels of each matrix that scales are searched with, at most. */
const searchedChannels = 64;

/** What the group loses of its outputs; without held-out inputs nobody knows. */
function errorOf({ weights }: RoundedGroup): number {
  return weights.reduce((sum, weight) => {
    const error = typeof weight === 'string' ? undefined : weight.errors.get(weight.algorithm);
    return sum + (error ?? Number.POSITIVE_INFINITY);
  }, 0);
}

async function roundOne(
  { request, operator }: Calibratable,
  { count, gram, lack, held }: InputMoments,
  algorithms: readonly MatrixAlgorithm[],
  channelScales: Float32Array | null,
  { damping, actOrder }: Settings,
  { products, workers, signal }: PassContext,
): Promise<RoundedWeight | string> {
  const { rowLength: k, outputChannels: n } = operator;
  const weights = readMatrix(request);
  const shortfall = lack && (await products.multiply(lack, k, weights, n));
  const options = { damping: damping + k / (3 * count), actOrder };
  return roundWeight(
    { weights, n, form: formOf(request), algorithms, gram, shortfall, held, channelScales, ...options },
    workers,
    signal,
  );
}
