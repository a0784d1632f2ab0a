// Where an operator of a quantized or float model takes its bias from: a constant of one element a channel, or int32 that DequantizeLinear restores.
import type { Model, Node, Value } from '../../src/ir/index.js';
import { float32Tensor, MemoryTensor } from '../../src/tensor/index.js';

export interface BiasSlot {
  readonly node: Node;
  readonly index: number;
  readonly output: Value;
  readonly channels: number;
  /** Of the channels in the output; negative: from the end. */
  readonly axis: number;
}

/** null where there is no constant bias of float32 of one element a channel that nothing else uses. */
export function biasSlotOf(node: Node, model: Model): BiasSlot | null {
  const candidates = node.is('Add') ? [0, 1] : [2];
  for (const index of candidates) {
    const value = node.input(index);
    const size = value && value.uses.size === 1 ? sizeOf(value, model) : null;
    // An Add of a vector is a bias where a product comes in front of it.
    if (size === null || (node.is('Add') && !isProduct(node.input(1 - index)))) continue;
    return { node, index, output: node.output, channels: size, axis: node.is('Conv') ? 1 : -1 };
  }
  return null;
}

const products: ReadonlySet<string> = new Set([
  ...['MatMul', 'Gemm', 'MatMulInteger', 'Add'],
  'com.microsoft::MatMulNBits',
]);

/** Products, also of integers: Cast and Mul of their scales lie in between. */
function isProduct(value: Value | null): boolean {
  let producer = value?.producer;
  while (producer?.is('Mul', 'Cast', 'Identity')) producer = producer.input(0)?.producer;
  return producer !== undefined && producer !== null && products.has(producer.qualifiedType);
}

function sizeOf(value: Value, model: Model): number | null {
  const tensor = model.constantOf(value);
  if (tensor) return tensor.dataType === 'float32' && tensor.shape.length === 1 ? tensor.size : null;
  const integers = restoredIntegers(value, model);
  return integers ? integers.size : null;
}

function restoredIntegers({ producer }: Value, model: Model) {
  if (producer?.opType !== 'DequantizeLinear' || producer.input(2)) return null;
  const integers = model.constantOf(producer.input(0));
  const scale = model.constantOf(producer.input(1));
  return integers?.dataType === 'int32' && integers.shape.length === 1 && scale?.dataType === 'float32'
    ? integers
    : null;
}

export function readSlot({ node, index }: BiasSlot, model: Model): Float32Array {
  const value = node.input(index)!;
  const tensor = model.constantOf(value);
  if (tensor) return tensor.readFloat32();
  const scale = model.constantOf(value.producer!.input(1))!.readFloat32();
  return restoredIntegers(value, model)!
    .readFloat32()
    .map((integer, channel) => integer * scale[scale.length === 1 ? 0 : channel]);
}

export function writeSlot({ node, index }: BiasSlot, bias: Float32Array, model: Model): void {
  const value = node.input(index)!;
  if (model.constantOf(value)) {
    value.constant = float32Tensor([bias.length], bias);
    return;
  }
  const { producer } = value;
  const scale = model.constantOf(producer!.input(1))!.readFloat32();
  const integers = Int32Array.from(bias, (element, channel) =>
    Math.round(element / scale[scale.length === 1 ? 0 : channel]),
  );
  const stored = model.graph.addInitializer(
    `${producer!.input(0)!.name}_corrected`,
    new MemoryTensor('int32', [bias.length], integers),
  );
  const before = producer!.input(0)!;
  producer!.replaceInput(0, stored);
  if (!before.isUsed && before.isInitializer) model.graph.removeInitializer(before);
}
