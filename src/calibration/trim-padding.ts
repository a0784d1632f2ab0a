// Samples of text without the padding behind it: what a model computes at masked positions serves nobody, and would widen the ranges of what it computes
// at the others.
import type { Feeds, ValueInfo } from '../engine/index.js';
import { MemoryTensor, type Tensor } from '../tensor/index.js';

const maskNames = /(^|[_.])(attention|padding|input)_mask$/;

/**
 * Cuts off the positions behind the last one that a mask [batch, length] keeps, of every input of that length. What the mask is not alone about stays as it is:
 * where the model has a fixed length, or another input has that length along another axis.
 */
export function trimPadding(feeds: Feeds, inputs: readonly ValueInfo[]): Feeds {
  const mask = Object.keys(feeds).find((name) => maskNames.test(name));
  if (mask === undefined || feeds[mask].shape.length !== 2) return feeds;
  const [batch, length] = feeds[mask].shape;
  const kept = keptLength(feeds[mask], batch, length);
  if (kept === 0 || kept === length) return feeds;
  const ofLength = Object.keys(feeds).filter((name) => feeds[name].shape.includes(length));
  if (
    !ofLength.every((name) =>
      isCuttable(
        feeds[name],
        batch,
        length,
        inputs.find((input) => input.name === name),
      ),
    )
  )
    return feeds;
  return { ...feeds, ...Object.fromEntries(ofLength.map((name) => [name, cutRows(feeds[name], kept)])) };
}

/** Positions up to the last that the mask keeps in any row. */
function keptLength(mask: Tensor, batch: number, length: number): number {
  const values = mask.readNumbers();
  for (let position = length; position > 0; position--) {
    for (let row = 0; row < batch; row++) if (Number(values[row * length + position - 1]) !== 0) return position;
  }
  return 0;
}

function isCuttable({ shape }: Tensor, batch: number, length: number, input: ValueInfo | undefined): boolean {
  const isRows = shape.length === 2 && shape[1] === length && (shape[0] === batch || shape[0] === 1);
  return isRows && typeof input?.type?.shape?.[1] !== 'number';
}

/** The first `kept` elements of each row of [rows, length]. */
function cutRows(tensor: Tensor, kept: number): Tensor {
  const [rows, length] = tensor.shape;
  const values = tensor.read();
  const cut = values.slice(0, rows * kept);
  for (let row = 0; row < rows; row++) cut.set(values.subarray(row * length, row * length + kept) as never, row * kept);
  return new MemoryTensor(tensor.dataType, [rows, kept], cut);
}
