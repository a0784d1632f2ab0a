// The weights that belong to each unit of a channel group, as vectors.
import type { GroupPart } from '../../analysis/index.js';
import type { Model } from '../../ir/index.js';
import { isFloat } from '../../tensor/index.js';

/** For every unit the elements of `part` at its coordinates, one after the other; null for tensors of other types than floats. */
export function unitVectors(part: GroupPart, model: Model): Float32Array[] | null {
  const tensor = model.constantOf(part.operand.value);
  if (!tensor || !isFloat(tensor.dataType)) return null;
  const values = tensor.readFloat32();
  const inner = tensor.shape.slice(part.axis + 1).reduce((size, length) => size * length, 1);
  const length = tensor.shape[part.axis];
  const outer = values.length / (inner * length);
  return part.coordinates.map((coordinates) => {
    const vector = new Float32Array(outer * inner * coordinates.length);
    let at = 0;
    for (const coordinate of coordinates) {
      for (let row = 0; row < outer; row++) {
        const start = (row * length + coordinate) * inner;
        vector.set(values.subarray(start, start + inner), at);
        at += inner;
      }
    }
    return vector;
  });
}
