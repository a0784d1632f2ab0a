// Moves consecutive elements of a tensor to where a transposition puts them.
import { internalError } from '../../errors.js';
import type { MergedAxes } from './merge-axes.js';

export interface ScatterPlan extends MergedAxes {
  /** Bytes of an element: 1, 2, 4, 8 or 16. */
  readonly width: number;
}

/** Rows moved together: their elements are neighbours in the output of a plain transposition, one line of cache. */
const rowsAtOnce = 16;

/**
 * Moves the elements of `source`, which start with element `first` of the input, to their places in `target`, which holds the output
 * from element `targetFirst` on; what belongs elsewhere is passed over.
 */
export function scatter(
  plan: ScatterPlan,
  source: Uint8Array,
  first: number,
  target: Uint8Array,
  targetFirst: number,
): void {
  const { dims, strides, width } = plan;
  const columns = dims[dims.length - 1];
  const rowsOfAxis = dims.length > 1 ? dims[dims.length - 2] : 1;
  const rowStride = dims.length > 1 ? strides[dims.length - 2] : 0;
  const move = moverOf(width, source, target, columns, strides[dims.length - 1], rowStride);
  const count = source.length / width;
  for (let done = 0; done < count; ) {
    const column = (first + done) % columns;
    const row = Math.floor((first + done) / columns);
    const whole = column === 0 ? Math.floor((count - done) / columns) : 0;
    const rows = Math.min(rowsAtOnce, whole, rowsOfAxis - (row % rowsOfAxis));
    const length = rows > 0 ? columns : Math.min(columns - column, count - done);
    const start = placeOfRow(plan, row) + column * strides[dims.length - 1] - targetFirst;
    move(done, start, Math.max(rows, 1), length);
    done += Math.max(rows, 1) * length;
  }
}

/** Where the output has the first element of row `row`, counted over all axes but the last. */
function placeOfRow({ dims, strides }: MergedAxes, row: number): number {
  let place = 0;
  let rest = row;
  for (let axis = dims.length - 2; axis >= 0; axis--) {
    place += (rest % dims[axis]) * strides[axis];
    rest = Math.floor(rest / dims[axis]);
  }
  return place;
}

/** Moves `rows` runs of `length` elements, the first from element `from` of the source to element `to` of the target. */
type Mover = (from: number, to: number, rows: number, length: number) => void;

function moverOf(
  width: number,
  sourceBytes: Uint8Array,
  targetBytes: Uint8Array,
  columns: number,
  columnStride: number,
  rowStride: number,
): Mover {
  // Wider elements travel as several words: a float64 could lose the payload of a NaN on its way.
  const words = Math.max(1, width / 4);
  const source = wordsOf(sourceBytes, width);
  const target = wordsOf(targetBytes, width);
  const limit = target.length / words;
  return (from, to, rows, length) => {
    const last = to + (length - 1) * columnStride + (rows - 1) * rowStride;
    if (words === 1 && to >= 0 && last < limit) {
      moveInside(source, target, { from, to, rows, length, columns, columnStride, rowStride });
      return;
    }
    for (let column = 0; column < length; column++) {
      for (let row = 0; row < rows; row++) {
        const place = to + column * columnStride + row * rowStride;
        if (place < 0 || place >= limit) continue;
        const element = from + row * columns + column;
        for (let word = 0; word < words; word++) target[place * words + word] = source[element * words + word];
      }
    }
  };
}

type Words = Uint8Array | Uint16Array | Uint32Array;

interface Block {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly length: number;
  readonly columns: number;
  readonly columnStride: number;
  readonly rowStride: number;
}

/** The ordinary case: one word an element, and every place lies in the target. */
function moveInside(source: Words, target: Words, block: Block): void {
  const { rows, length, columns, columnStride, rowStride } = block;
  for (let column = 0, from = block.from, to = block.to; column < length; column++, from++, to += columnStride) {
    for (let row = 0, element = from, place = to; row < rows; row++, element += columns, place += rowStride) {
      target[place] = source[element];
    }
  }
}

function wordsOf(bytes: Uint8Array, width: number): Words {
  if (width === 1) return bytes;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (width === 2) return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
  if (width === 4 || width === 8 || width === 16) {
    return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  }
  throw internalError(`Elements of ${width} bytes cannot be moved`);
}
