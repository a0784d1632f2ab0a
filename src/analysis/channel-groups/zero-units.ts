// The model that removing units must equal: the same units with zeros where weights sum over them.
import { MemoryTensor, type Tensor } from '../../tensor/index.js';
import type { ChannelGroup, GroupPart } from './find-channel-groups.js';
import type { Relations } from './relations.js';

/** Sets the weights that sum over units of `group` to zero there; where no weights do, those that make them. `chosen`: numbers within the group. */
export function zeroUnits({ model }: Relations, group: ChannelGroup, chosen: readonly number[]): void {
  const summing = group.parts.filter(({ role }) => role === 'contracted');
  for (const part of summing.length > 0 ? summing : group.parts) {
    const { node, index, value } = part.operand;
    const tensor = model.constantOf(value)!;
    const zeroed = withZeros(tensor, part, chosen);
    if (value.uses.size === 1) value.constant = zeroed;
    else node.replaceInput(index, model.graph.addInitializer(value.name, zeroed));
  }
}

function withZeros(tensor: Tensor, { axis, coordinates }: GroupPart, chosen: readonly number[]): Tensor {
  const bytes = Uint8Array.from(tensor.bytes());
  const width = tensor.byteLength / tensor.size;
  const inner = tensor.shape.slice(axis + 1).reduce((size, length) => size * length, width);
  const length = tensor.shape[axis];
  const zeros = chosen.flatMap((unit) => coordinates[unit]);
  for (let outer = 0; outer * length * inner < bytes.length; outer++) {
    for (const coordinate of zeros) {
      const start = (outer * length + coordinate) * inner;
      bytes.fill(0, start, start + inner);
    }
  }
  return new MemoryTensor(tensor.dataType, tensor.shape, bytes);
}
