// The activations of a linear operator as rows x of y = W·x + b: the rows of a matrix, or the patches under a convolution's kernel.
import type { LinearOperator } from '../analysis/index.js';
import { type Random, unfold, type Window } from '../numeric/index.js';
import type { Tensor } from '../tensor/index.js';

/** Rows of one group: [rows, rowLength], row-major. */
export interface RowBlock {
  readonly group: number;
  readonly rows: Float32Array;
  /** The positions of the output that the rows belong to, counted over the batch; null for all of them. */
  readonly positions: Int32Array | null;
}

export interface RowSampling {
  /** At most this many positions of each sample, drawn without replacement; never by a fixed stride, which would follow the image's own grid. */
  readonly most: number;
  readonly random: Random;
}

/** Whether `operatorRows` knows the operator: not a transposed convolution, nor one over three axes. */
export function hasRows({ kind, weight }: LinearOperator): boolean {
  return kind === 'matrix' || (kind === 'conv' && weight.shape.length <= 4);
}

/** The rows that `operator` sees in `input`, its activation, group by group; the same positions in each group. */
export function* operatorRows(
  operator: LinearOperator,
  input: Tensor,
  sampling: RowSampling | null = null,
): Iterable<RowBlock> {
  if (operator.kind === 'matrix') yield matrixRows(input.readFloat32(), operator.rowLength, sampling);
  else yield* patchRows(operator, input, sampling);
}

function matrixRows(values: Float32Array, rowLength: number, sampling: RowSampling | null): RowBlock {
  const count = values.length / rowLength;
  const chosen = sampling && choose(count, sampling);
  if (!chosen) return { group: 0, rows: values, positions: null };
  const rows = new Float32Array(chosen.length * rowLength);
  for (const [index, row] of chosen.entries()) {
    rows.set(values.subarray(row * rowLength, (row + 1) * rowLength), index * rowLength);
  }
  return { group: 0, rows, positions: chosen };
}

function* patchRows(operator: LinearOperator, input: Tensor, sampling: RowSampling | null): Iterable<RowBlock> {
  const { groups, rowLength } = operator;
  const [batch, channels, ...spatial] = input.shape;
  const size = spatial.length === 1 ? ([1, spatial[0]] as const) : ([spatial[0], spatial[1]] as const);
  const window = convolutionWindow(operator, size);
  const positions = window.output[0] * window.output[1];
  const values = input.readFloat32();
  const count = channels / groups;
  // Positions over the whole batch, sorted by example.
  const chosen = sampling && choose(batch * positions, sampling);
  for (let group = 0; group < groups; group++) {
    const rows = new Float32Array((chosen?.length ?? batch * positions) * rowLength);
    let row = 0;
    for (let example = 0, next = 0; example < batch; example++) {
      let own: Int32Array | null = null;
      if (chosen) {
        const from = next;
        while (next < chosen.length && chosen[next] < (example + 1) * positions) next++;
        own = chosen.slice(from, next).map((position) => position - example * positions);
      }
      const offset = example * channels * size[0] * size[1];
      row += unfold({ values, offset, size, first: group * count, count }, window, own, rows, row);
    }
    yield { group, rows, positions: chosen };
  }
}

/** Kernel, strides and padding of a convolution on an image of `size`, `auto_pad` worked out. */
function convolutionWindow({ node, weight }: LinearOperator, size: readonly [number, number]): Window {
  const axes = weight.shape.length - 2;
  const pair = (values: readonly number[] | null, missing: number): [number, number] => {
    const given = values ?? new Array<number>(axes).fill(missing);
    return axes === 1 ? [missing, given[0]] : [given[0], given[1]];
  };
  const kernel = pair(weight.shape.slice(2), 1);
  const strides = pair(node.attributes.ints('strides'), 1);
  const dilations = pair(node.attributes.ints('dilations'), 1);
  const pads = node.attributes.ints('pads') ?? new Array<number>(2 * axes).fill(0);
  const autoPad = node.attributes.string('auto_pad', 'NOTSET');
  const before: [number, number] = [0, 0];
  const output: [number, number] = [1, 1];
  for (let axis = 0; axis < 2; axis++) {
    const extent = dilations[axis] * (kernel[axis] - 1) + 1;
    const own = axis - (2 - axes);
    let total = own < 0 || autoPad !== 'NOTSET' ? 0 : pads[own] + pads[own + axes];
    before[axis] = own < 0 || autoPad !== 'NOTSET' ? 0 : pads[own];
    if (autoPad.startsWith('SAME')) {
      total = Math.max((Math.ceil(size[axis] / strides[axis]) - 1) * strides[axis] + extent - size[axis], 0);
      before[axis] = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
    }
    output[axis] = Math.floor((size[axis] + total - extent) / strides[axis]) + 1;
  }
  return { kernel, strides, dilations, padding: before, output };
}

/** `most` of `count` indices in ascending order, each set as likely as any other; null for all of them. */
function choose(count: number, { most, random }: RowSampling): Int32Array | null {
  if (count <= most) return null;
  // Robert Floyd's sampling without replacement.
  const chosen = new Set<number>();
  for (let last = count - most; last < count; last++) {
    const candidate = random.int(last + 1);
    chosen.add(chosen.has(candidate) ? last : candidate);
  }
  return Int32Array.from(chosen).sort();
}
