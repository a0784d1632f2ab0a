// Rows that an operator sees in the model as it is now, beside what the original computes in its place: from most samples, to fit to, and from
// the others, to see whether what was fitted holds.
import type { LinearOperator } from '../analysis/index.js';
import { operatorRows, outputLike, type Replay, residualOf, Split, targetRows } from '../calibration/index.js';
import type { Node, Value } from '../ir/index.js';
import { concatenate, type Random } from '../numeric/index.js';
import type { RoundingRows } from '../quantization/index.js';
import type { Tensor } from '../tensor/index.js';

/** Model and original side by side, from operator to operator. */
export interface Replays {
  readonly now: Replay;
  readonly original: Replay;
  nodeInOriginal(node: Node): Node;
}

export interface RoundingData {
  /** By group of the operator. */
  readonly fitted: readonly RoundingRows[];
  readonly held: readonly RoundingRows[];
  /** Whether what it is fitted to goes through a Relu. */
  readonly rectified: boolean;
}

/** Bytes of rows, targets and offsets of one operator, and how many rows at most. */
const mostBytes = 96 << 20;
const mostRows = 1 << 14;

/** Goes on to right before `operator`, and collects rows of it. */
export async function collectRows(
  operator: LinearOperator,
  { now, original, nodeInOriginal }: Replays,
  random: Random,
): Promise<RoundingData> {
  const originalNode = nodeInOriginal(operator.node);
  const output = outputLike(operator, originalNode);
  const residual = residualOf(operator.output, output);
  const target = residual?.sum ?? output;
  const sampling = { most: rowsOfSample(operator, now.samples), random };
  const split = new Split(() => Array.from({ length: operator.groups }, () => new Rows()));
  const references = original.advance(originalNode, [target]);
  try {
    for await (const current of now.advance(operator.node, [operator.input, ...(residual ? [residual.now] : [])])) {
      const wanted = (await references.next()).value!.get(target)!;
      const shortcut = residual ? current.get(residual.now)! : null;
      const sets = split.next();
      for (const { group, rows, positions } of operatorRows(operator, current.get(operator.input)!, sampling)) {
        const pick = (tensor: Tensor): Float32Array =>
          targetRows(tensor.readFloat32(), tensor.shape, operator, { group, positions });
        // A shortcut that is broadcast has no rows of its own.
        const offsets = shortcut && shortcut.size === wanted.size ? pick(shortcut) : null;
        sets[group].add(rows, pick(wanted), offsets);
      }
    }
    // To its end, where it closes what it opened.
    await references.next();
  } finally {
    await references.return(undefined);
  }
  const joined = split.parts.map((sets) => sets.map((rows) => rows.join(operator.rowLength)));
  return {
    fitted: joined[0],
    held: joined[1].map((rows, group) => (rows.count === 0 ? joined[0][group] : rows)),
    rectified: isRectified(target),
  };
}

function rowsOfSample({ rowLength, outputChannels, groups }: LinearOperator, samples: number): number {
  const rowBytes = 4 * groups * (rowLength + (2 * outputChannels) / groups);
  const rows = Math.min(mostRows, mostBytes / rowBytes);
  return Math.max(Math.floor(rows / samples), 1);
}

function isRectified(value: Value): boolean {
  return !value.isGraphOutput && value.uses.size === 1 && [...value.consumers()].every((node) => node.is('Relu'));
}

class Rows {
  private readonly inputs: Float32Array[] = [];
  private readonly targets: Float32Array[] = [];
  private readonly offsets: Float32Array[] = [];

  add(inputs: Float32Array, targets: Float32Array, offsets: Float32Array | null): void {
    this.inputs.push(inputs);
    this.targets.push(targets);
    if (offsets) this.offsets.push(offsets);
  }

  join(columns: number): RoundingRows {
    const inputs = concatenate(this.inputs);
    const offsets = this.offsets.length > 0 ? concatenate(this.offsets) : null;
    return { inputs, targets: concatenate(this.targets), offsets, count: inputs.length / columns };
  }
}
