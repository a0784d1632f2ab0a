// A k × k convolution into k × 1 and 1 × k (Jaderberg et al. 2014): the first kernel from the singular vectors of W between (input, row) and
// (output, column), the second by least squares in the metric of the inputs.
import {
  columnsOf,
  createMatrix,
  type Matrix,
  multiplyByTransposed,
  rowsOf,
  symmetricEigen,
  transpose,
} from '../../numeric/index.js';
import { balance, choiceOf, type Family, rankSteps, type Stage, type StageOutline } from './family.js';
import { energyOf, type OperatorShape, projectOnto, type WeightGroup } from './problem.js';
import { variationalRank } from './variational-rank.js';

/** Ranks that are tried; each costs a least-squares problem. */
const mostRanks = 16;

export const spatial: Family = {
  name: 'spatial',
  obstacle({ kernel }) {
    return kernel.length === 2 && kernel[0] > 1 && kernel[1] > 1 ? null : 'its kernel does not extend over two axes';
  },
  choices(shape, groups, multiple) {
    const energies = groups.map(energyOf);
    const full = fullRank(shape);
    const filters = groups.map((group) => rowFilters(shape, group, full));
    return rankSteps(full, multiple, mostRanks).map((rank) => {
      let error = 0;
      for (const [index, group] of groups.entries()) {
        const second = projectOnto(group, rowsOf(filters[index], 0, rank), shape.kernel[1]);
        error += Math.max(energies[index] - energyOf(second), 0);
      }
      return choiceOf(this, shape, [rank], error);
    });
  },
  outline(
    { inputChannels, outputChannels, groups, kernel: [height, width], positions },
    [rank],
  ): readonly StageOutline[] {
    // In between, rows are strided and columns are not yet.
    const between = Math.sqrt(positions.input * positions.output);
    return [
      { rows: rank, columns: (inputChannels / groups) * height, axes: [true, false], positions: between },
      { rows: outputChannels / groups, columns: rank * width, axes: [false, true], positions: positions.output },
    ];
  },
  factors(shape, groups, [rank]): readonly Stage[] {
    const parts = groups.map((group) => {
      const first = rowFilters(shape, group, rank);
      const { weights: second } = projectOnto(group, first, shape.kernel[1]);
      balance(first, second, shape.kernel[1]);
      return { first, second };
    });
    return [
      { weights: parts.map(({ first }) => first), axes: [true, false] },
      { weights: parts.map(({ second }) => second), axes: [false, true] },
    ];
  },
  noiseFreeRanks(shape, groups) {
    return [Math.max(...groups.map((group) => variationalRank(unfold(shape, group.weights))))];
  },
  fullRanks: (shape) => [fullRank(shape)],
};

function fullRank({ inputChannels, outputChannels, groups, kernel }: OperatorShape): number {
  return Math.min((inputChannels / groups) * kernel[0], (outputChannels / groups) * kernel[1]);
}

/** (input, row) × (output, column). */
function unfold({ inputChannels, groups, kernel: [height, width] }: OperatorShape, { rows, data }: Matrix): Matrix {
  const inputs = inputChannels / groups;
  const result = createMatrix(inputs * height, rows * width);
  let index = 0;
  for (let output = 0; output < rows; output++) {
    for (let inputRow = 0; inputRow < inputs * height; inputRow++) {
      for (let column = 0; column < width; column++) {
        result.data[inputRow * result.columns + output * width + column] = data[index++];
      }
    }
  }
  return result;
}

/** The first kernels: rank × (input, row). */
function rowFilters(shape: OperatorShape, { weights }: WeightGroup, rank: number): Matrix {
  const unfolded = unfold(shape, weights);
  return transpose(columnsOf(symmetricEigen(multiplyByTransposed(unfolded, unfolded), rank).vectors, 0, rank));
}
