// What an operator is fitted to: what the original computes in its place. In front of a residual Add that is the sum, T = (y + shortcut) of the
// original, beside the shortcut as it is now, so that later blocks undo the errors of earlier ones.
import type { LinearOperator } from '../analysis/index.js';
import type { Node, Value } from '../ir/index.js';

/** The value of the original that stands where the operator's output is; `originalNode` is the operator's node there. */
export function outputLike({ node, biasSlot }: LinearOperator, originalNode: Node): Value {
  if (biasSlot === null || biasSlot.node === node) return originalNode.output;
  return [...originalNode.output.uses][0].node.output;
}

export interface Residual {
  /** In the original. */
  readonly sum: Value;
  /** The other operand, in the model as it is now. */
  readonly now: Value;
}

/** Where both outputs go into an Add with another computed value: the sum in the original, and the other value now. */
export function residualOf(output: Value, originalOutput: Value): Residual | null {
  const add = onlyAdd(output);
  const originalAdd = onlyAdd(originalOutput);
  if (!add || !originalAdd) return null;
  const now = add.inputs.find((input) => input !== output);
  // What an engine does not hand over cannot be subtracted.
  if (!now || now.constant || now.producer === null || now.producer.is('Constant')) return null;
  return { sum: originalAdd.output, now };
}

function onlyAdd(output: Value): Node | null {
  if (output.uses.size !== 1 || output.isGraphOutput) return null;
  const [{ node }] = output.uses;
  return node.is('Add') && node.inputs[0] !== node.inputs[1] ? node : null;
}

/**
 * The output of one group of an operator as rows [positions, channels of the group].
 * @param values of an output of `shape`.
 */
export function targetRows(
  values: Float32Array,
  shape: readonly number[],
  { kind, outputChannels, groups }: LinearOperator,
  { group, positions }: { readonly group: number; readonly positions: Int32Array | null },
): Float32Array {
  const channels = outputChannels / groups;
  if (kind === 'matrix') {
    if (!positions) return values;
    const chosen = new Float32Array(positions.length * channels);
    for (const [row, position] of positions.entries()) {
      chosen.set(values.subarray(position * channels, (position + 1) * channels), row * channels);
    }
    return chosen;
  }
  const plane = shape.slice(2).reduce((product, length) => product * length, 1);
  const count = positions?.length ?? shape[0] * plane;
  const rows = new Float32Array(count * channels);
  for (let row = 0; row < count; row++) {
    const position = positions ? positions[row] : row;
    const base = Math.floor(position / plane) * outputChannels * plane + (position % plane);
    for (let channel = 0; channel < channels; channel++) {
      rows[row * channels + channel] = values[base + (group * channels + channel) * plane];
    }
  }
  return rows;
}
