// For words that are gone, the word that is left whose embedding points most in the same direction.
import type { MatrixProducts } from '../../src/engine/index.js';

/** Words compared at once: their similarities to all that stay are held. */
const blockRows = 256;

/** For each row of `gone` [n, width] the row of `kept` [m, width] of largest cosine. */
export async function nearestRows(
  kept: Float32Array,
  gone: Float32Array,
  width: number,
  products: MatrixProducts,
): Promise<Int32Array> {
  const left = transposedUnitRows(kept, width);
  const columns = kept.length / width;
  const nearest = new Int32Array(gone.length / width);
  for (let start = 0; start < nearest.length; start += blockRows) {
    const part = transposedUnitRows(gone.subarray(start * width, (start + blockRows) * width), width);
    const count = part.length / width;
    // [m, count]
    const cosines = await products.cross(left, columns, part, count);
    for (let column = 0; column < count; column++) {
      let best = 0;
      for (let row = 1; row < columns; row++) {
        if (cosines[row * count + column] > cosines[best * count + column]) best = row;
      }
      nearest[start + column] = best;
    }
  }
  return nearest;
}

/** Rows divided by their length, as columns: [width, n]. */
function transposedUnitRows(rows: Float32Array, width: number): Float32Array {
  const count = rows.length / width;
  const result = new Float32Array(rows.length);
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let at = row * width; at < (row + 1) * width; at++) square += rows[at] * rows[at];
    const factor = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let column = 0; column < width; column++) result[column * count + row] = rows[row * width + column] * factor;
  }
  return result;
}
