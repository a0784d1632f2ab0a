// What a Constant node holds: one of seven attributes (ONNX Constant, opset 13).
import type { Node } from '../ir/index.js';
import { float32Tensor, int64Tensor, StringTensor, type Tensor } from '../tensor/index.js';

/** The tensor, or why there is none. */
export function tensorOfConstant(node: Node): Tensor | string {
  for (const [name, attribute] of node.attributes) {
    if (!name.includes('value')) continue;
    switch (attribute.type) {
      case 'tensor':
        return attribute.value;
      case 'float':
        return float32Tensor([], [attribute.value]);
      case 'floats':
        return float32Tensor([attribute.value.length], attribute.value);
      case 'int':
        return int64Tensor([], [attribute.value]);
      case 'ints':
        return int64Tensor([attribute.value.length], attribute.value);
      case 'string':
        return new StringTensor([], [attribute.value]);
      case 'strings':
        return new StringTensor([attribute.value.length], attribute.value);
      case 'reference':
        return 'its value is an attribute of the function it is in';
      default:
        return 'its value is sparse';
    }
  }
  return 'it has no value';
}
