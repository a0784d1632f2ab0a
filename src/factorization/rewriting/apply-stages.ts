// What the chain of factors makes of one patch: for the bias, which takes up the difference of means.
import type { Stage } from '../decompositions/family.js';
import type { OperatorShape } from '../decompositions/problem.js';

/** `patch`: input channels of the group × elements of the kernel. Returns one value per output channel of the group. */
export function applyStages(
  stages: readonly Stage[],
  { kernel }: OperatorShape,
  group: number,
  patch: Float64Array,
): Float64Array {
  let lengths = [...kernel];
  let values = patch;
  for (const { weights, axes } of stages) {
    const { rows, columns, data } = weights[group];
    // Positions of the kernel: those that this stage sums over, and those that stay.
    const taken = lengths.map((length, axis) => (axes[axis] ? length : 1));
    const left = lengths.map((length, axis) => (axes[axis] ? 1 : length));
    const takenOffsets = offsetsOf(taken, lengths);
    const leftOffsets = offsetsOf(left, lengths);
    const elements = lengths.reduce((product, length) => product * length, 1);
    const channels = values.length / elements;
    if (channels * takenOffsets.length !== columns) throw new TypeError('The stages of a chain do not fit together');
    const next = new Float64Array(rows * leftOffsets.length);
    for (let row = 0; row < rows; row++) {
      for (const [position, offset] of leftOffsets.entries()) {
        let sum = 0;
        let index = row * columns;
        for (let channel = 0; channel < channels; channel++) {
          for (const within of takenOffsets) sum += data[index++] * values[channel * elements + offset + within];
        }
        next[row * leftOffsets.length + position] = sum;
      }
    }
    values = next;
    lengths = left;
  }
  return values;
}

/** Where the positions of a part of a row-major grid lie in it. */
function offsetsOf(part: readonly number[], grid: readonly number[]): number[] {
  let offsets = [0];
  let stride = 1;
  const strides = grid.map(() => 0);
  for (let axis = grid.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= grid[axis];
  }
  for (const [axis, length] of part.entries()) {
    offsets = offsets.flatMap((offset) => Array.from({ length }, (_, index) => offset + index * strides[axis]));
  }
  return offsets;
}
