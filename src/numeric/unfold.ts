// im2col: the patches that a convolution multiplies with its weights, one row a position of the output.

/** A convolution over one or two spatial axes (a single one is the second, with a first of length 1). */
export interface Window {
  /** Lengths of the kernel, [rows, columns], and so on. */
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Elements in front of the first row and of the first column. */
  readonly padding: readonly [number, number];
  /** Lengths of the output. */
  readonly output: readonly [number, number];
}

/** x [channels, rows, columns] of one example, of which channels [first, first + count) are taken. */
export interface Image {
  readonly values: Float32Array;
  readonly offset: number;
  readonly size: readonly [number, number];
  readonly first: number;
  readonly count: number;
}

/**
 * Writes the patches at `positions` (row-major indices into the output; null: all) into `target` from row `start` on; a row has
 * count × kernel elements, the channel outermost. Outside of the image is 0. Returns the number of rows.
 */
export function unfold(
  { values, offset, size: [height, width], first, count }: Image,
  { kernel: [kernelRows, kernelColumns], strides, dilations, padding, output }: Window,
  positions: Int32Array | null,
  target: Float32Array,
  start = 0,
): number {
  const elements = kernelRows * kernelColumns;
  const rowLength = count * elements;
  const total = positions?.length ?? output[0] * output[1];
  const plane = height * width;
  for (let index = 0; index < total; index++) {
    const position = positions ? positions[index] : index;
    const top = Math.floor(position / output[1]) * strides[0] - padding[0];
    const left = (position % output[1]) * strides[1] - padding[1];
    let at = (start + index) * rowLength;
    for (let channel = 0; channel < count; channel++) {
      const base = offset + (first + channel) * plane;
      for (let i = 0; i < kernelRows; i++) {
        const y = top + i * dilations[0];
        if (y < 0 || y >= height) {
          target.fill(0, at, at + kernelColumns);
          at += kernelColumns;
          continue;
        }
        const row = base + y * width;
        for (let j = 0; j < kernelColumns; j++) {
          const x = left + j * dilations[1];
          target[at++] = x < 0 || x >= width ? 0 : values[row + x];
        }
      }
    }
  }
  return total;
}
