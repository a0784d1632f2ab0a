// The fewest axes a transposition can be told with: axes of length 1 go, neighbours that stay neighbours become one.

export interface MergedAxes {
  /** Lengths of the input's axes. */
  readonly dims: readonly number[];
  /** For each axis of the input: how far apart its elements lie in the output, in elements. */
  readonly strides: readonly number[];
}

/** Axis `i` of the output is axis `permutation[i]` of the input. At least one axis is left. */
export function mergeAxes(shape: readonly number[], permutation: readonly number[]): MergedAxes {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (const axis of permutation.toReversed()) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  const dims: number[] = [];
  const apart: number[] = [];
  for (const [axis, dim] of shape.entries()) {
    if (dim === 1) continue;
    const last = dims.length - 1;
    if (last >= 0 && apart[last] === strides[axis] * dim) {
      dims[last] *= dim;
      apart[last] = strides[axis];
    } else {
      dims.push(dim);
      apart.push(strides[axis]);
    }
  }
  return dims.length > 0 ? { dims, strides: apart } : { dims: [1], strides: [1] };
}
