// Tucker-2 of convolutions (Kim et al. 2016): W ≈ G ×₁ U ×₂ V over the channels, that is 1 × 1, k × k, 1 × 1. Without data the bases are those
// of HOSVD, refined by HOOI (De Lathauwer et al. 2000). With the covariance of real inputs the input basis is taken in the metric of the channels,
// and core and output basis are then the exact optimum for it: least squares of reduced rank. A mode at full rank gets no factor.
import {
  columnsOf,
  createMatrix,
  dampedCholesky,
  type Matrix,
  multiply,
  multiplyTransposed,
  rowsOf,
  solveLowerTransposed,
  symmetricEigen,
  transpose,
} from '../../numeric/index.js';
import { balance, type Choice, choiceOf, type Family, rankSteps, type Stage, type StageOutline } from './family.js';
import { outputBasis, outputEnergies, tailSums } from './output-basis.js';
import { energyOf, kernelElements, type OperatorShape, projectOnto, type WeightGroup } from './problem.js';
import { variationalRank } from './variational-rank.js';

/** Ranks of the input side that are tried; each costs a least-squares problem. */
const mostInputRanks = 8;
const iterations = 2;

export const tucker: Family = {
  name: 'tucker',
  obstacle(shape) {
    if (kernelElements(shape) === 1) return 'its kernel is 1 × 1: see low-rank';
    const { inputs, outputs } = channels(shape);
    return inputs < 2 || outputs < 2 ? 'it has one channel a group' : null;
  },
  choices(shape, groups, multiple) {
    const { inputs } = channels(shape);
    const outputRanks = rankSteps(mostOutputs(shape, inputs), multiple);
    const energies = groups.map(energyOf);
    const bases = groups.map((group) => inputBasis(shape, group, inputs));
    return rankSteps(inputs, multiple, mostInputRanks).flatMap((inputRank): Choice[] => {
      const errors = outputRanks.map(() => 0);
      for (const [index, group] of groups.entries()) {
        const first = rowsOf(bases[index], 0, inputRank);
        const reduced = inputRank < inputs ? projectOnto(group, first, kernelElements(shape)) : group;
        const kept = outputEnergies(reduced);
        const lost = Math.max(energies[index] - kept.reduce((sum, energy) => sum + energy, 0), 0);
        const tails = tailSums(kept);
        for (const [position, rank] of outputRanks.entries()) {
          errors[position] += lost + tails[Math.min(rank, tails.length - 1)];
        }
      }
      return outputRanks
        .map((rank, position) => choiceOf(this, shape, [inputRank, rank], errors[position]))
        .filter(({ ranks }) => ranks[1] <= mostOutputs(shape, inputRank));
    });
  },
  outline(shape, [inputRank, outputRank]): readonly StageOutline[] {
    const { inputs, outputs } = channels(shape);
    const { kernel, positions } = shape;
    const factored = factoredModes(shape, [inputRank, outputRank]);
    const pointwise = kernel.map(() => false);
    const core = { rows: outputRank, columns: inputRank * kernelElements(shape), axes: kernel.map(() => true) };
    const stages: StageOutline[] = [];
    if (factored.inputs) {
      stages.push({ rows: inputRank, columns: inputs, axes: pointwise, positions: positions.input });
    }
    stages.push({ ...core, positions: positions.output });
    if (factored.outputs) {
      stages.push({ rows: outputs, columns: outputRank, axes: pointwise, positions: positions.output });
    }
    return stages;
  },
  factors(shape, groups, [inputRank, outputRank]): readonly Stage[] {
    const factored = factoredModes(shape, [inputRank, outputRank]);
    const parts = groups.map((group) => factorGroup(shape, group, inputRank, outputRank));
    const pointwise = shape.kernel.map(() => false);
    const stages: Stage[] = [];
    if (factored.inputs) stages.push({ weights: parts.map(({ first }) => first), axes: pointwise });
    stages.push({ weights: parts.map(({ core }) => core), axes: shape.kernel.map(() => true) });
    if (factored.outputs) stages.push({ weights: parts.map(({ last }) => last), axes: pointwise });
    return stages;
  },
  noiseFreeRanks(shape, groups) {
    const ranks = groups.map(({ weights }) => [
      variationalRank(inputUnfolding(shape, weights)),
      variationalRank(weights),
    ]);
    const [inputRank, outputRank] = [0, 1].map((mode) => Math.max(...ranks.map((rank) => rank[mode])));
    return [inputRank, Math.min(outputRank, mostOutputs(shape, inputRank))];
  },
  fullRanks(shape) {
    const { inputs } = channels(shape);
    return [inputs, mostOutputs(shape, inputs)];
  },
};

/** The largest output rank: a core of `inputRank` channels gives no more independent outputs than a patch of it has values. */
function mostOutputs(shape: OperatorShape, inputRank: number): number {
  return Math.min(channels(shape).outputs, inputRank * kernelElements(shape));
}

function channels({ inputChannels, outputChannels, groups }: OperatorShape) {
  return { inputs: inputChannels / groups, outputs: outputChannels / groups };
}

/** A mode at full rank needs no factor of its own; where both are, the chain is whole, so that it can be compared. */
function factoredModes(shape: OperatorShape, [inputRank, outputRank]: readonly number[]) {
  const { inputs, outputs } = channels(shape);
  const whole = inputRank === inputs && outputRank === outputs;
  return { inputs: whole || inputRank < inputs, outputs: whole || outputRank < outputs };
}

function factorGroup(shape: OperatorShape, group: WeightGroup, inputRank: number, outputRank: number) {
  const elements = kernelElements(shape);
  const factored = factoredModes(shape, [inputRank, outputRank]);
  let first = inputBasis(shape, group, inputRank);
  let reduced = factored.inputs ? projectOnto(group, first, elements) : group;
  let last = columnsOf(outputBasis(reduced).basis, 0, outputRank);
  if (group.metric === null && factored.inputs && factored.outputs) {
    for (let iteration = 0; iteration < iterations; iteration++) {
      const projected = { weights: multiply(last, multiplyTransposed(last, group.weights)), metric: null };
      first = inputBasis(shape, projected, inputRank);
      reduced = projectOnto(group, first, elements);
      last = columnsOf(outputBasis(reduced).basis, 0, outputRank);
    }
  }
  const core = factored.outputs ? multiplyTransposed(last, reduced.weights) : reduced.weights;
  if (factored.inputs) balance(first, core, elements);
  if (factored.outputs) balance(core, last);
  return { first, core, last };
}

/** What the first convolution computes: `rank` combinations of the input channels, rank × channels. */
function inputBasis(shape: OperatorShape, { weights, metric }: WeightGroup, rank: number): Matrix {
  const unfolded = inputUnfolding(shape, weights);
  const whitening = metric && dampedCholesky(channelMetric(metric, kernelElements(shape)), 1e-8);
  const seen = whitening ? multiplyTransposed(whitening.factor, unfolded) : unfolded;
  const { vectors } = symmetricEigen(multiply(seen, transpose(seen)), rank);
  const basis = vectors;
  // Uᵀ·L⁻¹, so that the combinations are those of x itself.
  if (whitening) solveLowerTransposed(whitening.factor, basis);
  return transpose(basis);
}

/** Input channels × (outputs × kernel). */
function inputUnfolding(shape: OperatorShape, { rows, data }: Matrix): Matrix {
  const { inputs } = channels(shape);
  const elements = kernelElements(shape);
  const result = createMatrix(inputs, rows * elements);
  for (let output = 0; output < rows; output++) {
    for (let input = 0; input < inputs; input++) {
      const from = (output * inputs + input) * elements;
      result.data.set(data.subarray(from, from + elements), input * result.columns + output * elements);
    }
  }
  return result;
}

/** Covariance of the channels: that of patches, averaged over the positions in the kernel. */
function channelMetric({ columns, data }: Matrix, elements: number): Matrix {
  const inputs = columns / elements;
  const result = createMatrix(inputs, inputs);
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < inputs; j++) {
      let sum = 0;
      for (let p = 0; p < elements; p++) sum += data[(i * elements + p) * columns + j * elements + p];
      result.data[i * inputs + j] = sum / elements;
    }
  }
  return result;
}
