// What the rows of a linear operator should give: what the original computes, less what a residual addition adds to it here.
import type { LinearOperator } from '../../analysis/index.js';
import type { RowBlock } from '../../calibration/index.js';
import type { Tensor } from '../../tensor/index.js';
import { nearestAlike, type Saturation } from './saturation.js';

export interface Targets {
  /** The operator's output, or the sum that it goes into, as the original computes it. */
  readonly original: Tensor;
  /** Which channels of the original are left; null: all. */
  readonly channels: readonly number[] | null;
  /** What is added to the operator's output here. */
  readonly added: Tensor | null;
  /** The output, or sum, that is computed here, where its activation does not tell all values apart; null: the original's is wanted. */
  readonly reached: { readonly tensor: Tensor; readonly saturation: Saturation } | null;
}

/** Why `targets` are not what `operator` should compute; null where they are. */
export function shapeMismatch(
  { kind, outputChannels }: LinearOperator,
  { original, channels, added }: Targets,
): string | null {
  const axis = kind === 'conv' ? 1 : original.shape.length - 1;
  const wanted = original.shape.map((length, at) => (at === axis && channels ? channels.length : length));
  if (wanted[axis] !== outputChannels) return 'its own channels are fewer than the original has';
  // An addition that broadcasts is no residual connection.
  return added && `${added.shape}` !== `${wanted}` ? 'what is added to it has another shape' : null;
}

/** The targets of the rows of `block`: [rows, outputs of the group], row-major. */
export function targetRows(
  { kind, groups, outputChannels }: LinearOperator,
  { group, positions }: Pick<RowBlock, 'group' | 'positions'>,
  { original, channels, added, reached }: Targets,
): Float32Array {
  const wanted = original.readFloat32();
  const other = added?.readFloat32() ?? null;
  const now = reached?.tensor.readFloat32() ?? null;
  // The rows of a matrix are examples of one position.
  const inner = kind === 'conv' ? original.shape.slice(2).reduce((size, length) => size * length, 1) : 1;
  const width = kind === 'conv' ? original.shape[1] : original.shape.at(-1)!;
  const outputs = outputChannels / groups;
  const count = positions?.length ?? wanted.length / width;
  const rows = new Float32Array(count * outputs);
  for (let row = 0; row < count; row++) {
    const position = positions ? positions[row] : row;
    const example = Math.floor(position / inner);
    const within = position % inner;
    for (let output = 0; output < outputs; output++) {
      const channel = group * outputs + output;
      const here = (example * outputChannels + channel) * inner + within;
      const target = wanted[(example * width + (channels ? channels[channel] : channel)) * inner + within];
      const nearest = reached ? nearestAlike(target, now![here], reached.saturation) : target;
      rows[row * outputs + output] = nearest - (other ? other[here] : 0);
    }
  }
  return rows;
}
