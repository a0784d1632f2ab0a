// Finds the constant behind a value: exporters put Identity, Cast and Transpose between a weight and its consumer.
import type { Node, Value } from '../ir/index.js';
import { type DataType, dataTypeOf, type Tensor } from '../tensor/index.js';

export interface ConstantSource {
  /** An initializer, or the output of a Constant node. */
  readonly value: Value;
  readonly tensor: Tensor;
  /** Type that the consumer sees, after Casts. */
  readonly dataType: DataType;
  /** Shape that the consumer sees; its axis `i` is axis `permutation[i]` of the tensor. */
  readonly shape: readonly number[];
  readonly permutation: readonly number[];
  /** The nodes in between, the consumer's neighbour first. */
  readonly path: readonly Node[];
}

/** The constant that `value` is or is made of by Identity, Cast and Transpose; null when it is computed from anything else. */
export function constantSource(value: Value | null): ConstantSource | null {
  const path: Node[] = [];
  let root = value;
  while (root !== null) {
    const tensor = tensorOf(root);
    if (tensor !== null) return follow(root, tensor, path);
    const { producer } = root;
    if (!producer?.is('Identity', 'Cast', 'Transpose')) return null;
    path.push(producer);
    root = producer.input(0);
  }
  return null;
}

function tensorOf(value: Value): Tensor | null {
  if (value.constant) return value.constant;
  return value.producer?.is('Constant') ? value.producer.attributes.tensor('value') : null;
}

/** What the consumer sees of `tensor` at the near end of `path`. */
function follow(value: Value, tensor: Tensor, path: readonly Node[]): ConstantSource | null {
  let { dataType } = tensor;
  let permutation = tensor.shape.map((_, axis) => axis);
  for (const node of path.toReversed()) {
    if (node.opType === 'Cast') {
      const to = node.attributes.get('to');
      // Before opset 6 the type was a string.
      const type = to?.type === 'int' ? dataTypeOf(Number(to.value)) : null;
      if (type === null) return null;
      dataType = type;
    } else if (node.opType === 'Transpose') {
      const order = node.attributes.ints('perm') ?? permutation.map((_, axis) => axis).reverse();
      if (order.length !== permutation.length || !permutation.every((_, axis) => order.includes(axis))) return null;
      const before = permutation;
      permutation = order.map((axis) => before[axis]);
    }
  }
  return { value, tensor, dataType, shape: permutation.map((axis) => tensor.shape[axis]), permutation, path };
}
