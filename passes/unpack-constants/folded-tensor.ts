// The tensor that Identity, Cast, Transpose, Reshape, Squeeze or Unsqueeze makes of a constant, computed when it is read.
import type { Model, Node } from '../../src/ir/index.js';
import {
  ComputedTensor,
  canCast,
  canTranspose,
  castTensor,
  dataTypeOf,
  reshapeTensor,
  sizeOf,
  type Tensor,
  transposeTensor,
} from '../../src/tensor/index.js';

/** The tensor, why it cannot be computed here, or null for an operator that is none of these or depends on more than constants. */
export function foldedTensor(node: Node, tensor: Tensor, model: Model): Tensor | string | null {
  if (node.domain !== '') return null;
  switch (node.opType) {
    case 'Identity':
      return tensor;
    case 'Cast':
      return cast(node, tensor);
    case 'Transpose': {
      const { dataType, shape } = tensor;
      const permutation = node.attributes.ints('perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
      if (permutation.length !== shape.length)
        return `perm has ${permutation.length} axes for a weight of ${shape.length}`;
      if (!shape.every((_, axis) => permutation.includes(axis)))
        return `[${permutation}] is no permutation of its axes`;
      return canTranspose(dataType) ? transposeTensor(tensor, permutation) : `${dataType} elements are packed`;
    }
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze': {
      const shape = newShape(node, tensor.shape, model);
      if (shape === null) return null;
      return sizeOf(shape) === tensor.size ? reshapeTensor(tensor, shape) : `[${tensor.shape}] does not fit [${shape}]`;
    }
    default:
      return null;
  }
}

/** Whether two results of `foldedTensor` for the same tensor are the same. */
export function sameComputation(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  if (!(a instanceof ComputedTensor && b instanceof ComputedTensor) || a.kernel !== b.kernel) return false;
  const describe = ({ dataType, shape, parameters }: ComputedTensor): string =>
    JSON.stringify([dataType, shape, parameters]);
  return describe(a) === describe(b);
}

function cast(node: Node, tensor: Tensor): Tensor | string {
  const to = node.attributes.get('to');
  const dataType = to?.type === 'int' ? dataTypeOf(Number(to.value)) : null;
  if (dataType === null) return 'its target type is not known';
  return canCast(tensor.dataType, dataType)
    ? castTensor(tensor, dataType)
    : `Cast from ${tensor.dataType} to ${dataType} is left to the engine`;
}

/** null when the operator's other input is not constant. */
function newShape(node: Node, shape: readonly number[], model: Model): readonly number[] | null {
  // Reshape had its shape in an attribute before opset 5, the other two their axes before opset 13.
  const attribute = node.attributes.ints(node.opType === 'Reshape' ? 'shape' : 'axes');
  const given = attribute ?? model.constantOf(node.input(1))?.readNumbers() ?? null;
  if (node.opType === 'Squeeze' && node.input(1) === null && attribute === null)
    return shape.filter((dim) => dim !== 1);
  if (given === null) return null;
  switch (node.opType) {
    case 'Reshape':
      return reshaped(shape, given, node.attributes.int('allowzero', 0) !== 0);
    case 'Squeeze': {
      const gone = given.map((axis) => (axis < 0 ? axis + shape.length : axis));
      return shape.filter((_, axis) => !gone.includes(axis));
    }
    default: {
      const rank = shape.length + given.length;
      const added = given.map((axis) => (axis < 0 ? axis + rank : axis));
      const rest = [...shape];
      return Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1)));
    }
  }
}

function reshaped(from: readonly number[], target: readonly number[], zeroIsZero: boolean): readonly number[] {
  const shape = target.map((dim, axis) => (dim === 0 && !zeroIsZero ? (from[axis] ?? 0) : dim));
  const counted = shape.indexOf(-1);
  if (counted >= 0) shape[counted] = sizeOf(from) / sizeOf(shape.filter((_, axis) => axis !== counted));
  return shape;
}
