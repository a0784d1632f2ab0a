// Made-up weights, computed as they are written: near-normal, of the size that keeps variances, with rows of unequal size as trained ones have.
import { createRandom } from '../src/numeric/index.js';
import type { TensorKernel } from '../src/tensor/index.js';

/** A prime: the repetition falls in step with no axis. */
const period = 1_048_573;
const pieceLength = 1 << 18;
let noise: Float32Array | null = null;

export const weightKernel: TensorKernel<string> = {
  module: import.meta.url,
  exportName: 'weightKernel',
  *chunks(_inputs, name, { shape, size }) {
    noise ??= normalNumbers();
    const columns = shape[shape.length - 1];
    const isScale = name.endsWith('scale');
    const spread = shape.length === 1 ? 0.05 : 1 / Math.sqrt(shape[0]);
    const rows = createRandom(0).fork(name);
    const rowSizes = Float32Array.from({ length: 509 }, () => spread * Math.exp(0.3 * rows.normal()));
    const start = rows.int(period);
    for (let from = 0; from < size; from += pieceLength) {
      const piece = new Float32Array(Math.min(pieceLength, size - from));
      for (let index = 0; index < piece.length; index++) {
        const at = from + index;
        const row = (at - (at % columns)) / columns;
        piece[index] = noise[(start + at) % period] * rowSizes[row % rowSizes.length] + (isScale ? 1 : 0);
      }
      yield new Uint8Array(piece.buffer);
    }
  },
};

function normalNumbers(): Float32Array {
  const random = createRandom(1);
  return Float32Array.from({ length: period }, () => random.normal());
}
