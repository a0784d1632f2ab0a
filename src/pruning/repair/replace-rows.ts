// Other weights for a linear operator, in place.
import type { LinearOperator } from '../../analysis/index.js';
import type { Model } from '../../ir/index.js';
import { dropUnused } from '../../rewrite/index.js';
import { castTensor, float32Tensor } from '../../tensor/index.js';
import { weightTensor } from '../budget/variants.js';

/** Gives `operator` other weights and another bias. */
export function replaceRows(
  model: Model,
  operator: LinearOperator,
  rows: Float32Array,
  bias: Float32Array | null,
): void {
  operator.weight.value.constant = weightTensor(operator, rows);
  const { biasSlot, weight } = operator;
  if (!bias || !biasSlot) return;
  const { node, index } = biasSlot;
  const graph = node.graph!;
  const old = node.input(index);
  const tensor = castTensor(float32Tensor([bias.length], bias), weight.dataType);
  if (old?.constant && old.uses.size === 1 && graph.initializers.has(old) && !old.isGraphOutput) {
    old.constant = tensor;
    return;
  }
  const value = graph.addInitializer(`${weight.value.name}_bias`, tensor);
  while (node.inputs.length <= index) node.addInput(null);
  node.replaceInput(index, value);
  dropUnused(model, graph, [old]);
}
