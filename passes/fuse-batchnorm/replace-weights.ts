// Gives a linear operator other weights and another bias, in place of those it has.
import type { Model, Value } from '../../src/ir/index.js';
import { float32ToFloat16Array } from '../../src/numeric/index.js';
import { dropUnused } from '../../src/rewrite/index.js';
import { type DataType, float32Tensor, MemoryTensor, type Tensor } from '../../src/tensor/index.js';
import type { LinearOperator } from './linear-operator.js';

/** Returns the value that carries the result: another one where a MatMul without bias got one. */
export function replaceWeights(model: Model, linear: LinearOperator, tensor: Tensor, bias: Float64Array): Value {
  const { node, weight, biasSlot, output } = linear;
  const { graph } = node;
  if (!graph) throw new TypeError(`${node.opType} is in no graph`);
  // Nothing else uses it, so it keeps its name.
  weight.constant = tensor;
  const old = biasSlot?.node.input(biasSlot.index) ?? null;
  if (old === null && bias.every((value) => value === 0)) return output;
  const biasValue = graph.addInitializer(`${weight.name}_bias`, vector(bias, tensor.dataType));
  if (biasSlot === null) {
    const add = graph.insertAfter(node, {
      opType: 'Add',
      name: node.name && `${node.name}_bias`,
      inputs: [output, biasValue],
    });
    add.output.type = output.type;
    return add.output;
  }
  if (biasSlot.node.inputs.length <= biasSlot.index) biasSlot.node.addInput(biasValue);
  else biasSlot.node.replaceInput(biasSlot.index, biasValue);
  dropUnused(model, graph, [old]);
  if (old && old.uses.size === 0 && !graph.initializers.has(old)) biasValue.rename(graph.scope.uniqueName(old.name));
  node.attributes.delete('beta');
  return output;
}

function vector(values: Float64Array, dataType: DataType): Tensor {
  const single = Float32Array.from(values);
  if (dataType !== 'float16') return float32Tensor([values.length], single);
  return new MemoryTensor('float16', [values.length], float32ToFloat16Array(single));
}
