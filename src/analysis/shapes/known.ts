// What is known of a value once its graph's inputs have shapes: its own shape, and its elements where they are few, because
// exporters compute shapes in the graph.

export interface Known {
  readonly shape: readonly number[];
  /** In row-major order; null where they are not known, or too many to matter. */
  readonly values: readonly number[] | null;
  /** Whether the elements are integers, which decides how they are divided. */
  readonly integer: boolean;
}

/** More elements than this are data, not shapes. */
export const mostValues = 64;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Lengths and nothing else: a rule whose inputs do not fit together may compute nonsense. */
export function isShape(dims: readonly unknown[] | null | undefined): dims is readonly number[] {
  return dims?.every((dim) => Number.isSafeInteger(dim) && (dim as number) >= 0) ?? false;
}

/** A value of which only the shape is known. */
export function ofShape(shape: readonly number[], integer = false): Known {
  return { shape, values: null, integer };
}

/** Integers in a 1-d tensor. */
export function ofIntegers(values: readonly number[]): Known {
  return { shape: [values.length], values, integer: true };
}

/** The shape that ONNX broadcasting gives; null when the shapes do not fit together. */
export function broadcast(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let length = 1;
    for (const shape of shapes) {
      const dim = shape[axis - rank + shape.length] ?? 1;
      if (dim === 1) continue;
      if (length !== 1 && length !== dim) return null;
      length = dim;
    }
    result.push(length);
  }
  return result;
}

/** Axes may count from the end. */
export function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
