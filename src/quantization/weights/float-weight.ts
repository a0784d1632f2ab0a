// The float weight at an input of a node, where it can be quantized, and why not where it cannot.
import type { Node, Value } from '../../ir/index.js';
import { type ConstantSource, constantSource } from '../../ops/index.js';
import { isFloat } from '../../tensor/index.js';
import { isFloatWeightType } from '../parameters/weight-pieces.js';

/** @param minimumSize fewer elements are not worth it. */
export function floatWeightAt(node: Node, input: number, minimumSize: number): ConstantSource | string {
  const value = node.input(input);
  if (value === null) return 'it has no weight';
  const source = constantSource(value);
  if (source === null)
    return isDequantized(value) ? 'already quantized' : 'its weight is computed while the model runs';
  const { tensor, dataType } = source;
  if (!isFloatWeightType(tensor.dataType)) return `its weight is ${tensor.dataType}`;
  if (!isFloatWeightType(dataType)) return `its weight is ${dataType}`;
  if (tensor.size < minimumSize) return `its weight has only ${tensor.size} elements`;
  return source;
}

/** Whether `value` is restored from integers: by DequantizeLinear or its kin, or by Cast and Mul. */
export function isDequantized(value: Value | null): boolean {
  let producer = value?.producer ?? null;
  while (producer?.is('Identity', 'Cast', 'Transpose', 'Reshape', 'Mul', 'Sub')) {
    const integers = producer.opType === 'Cast' ? constantSource(producer.input(0)) : null;
    if (integers !== null) return !isFloat(integers.tensor.dataType);
    producer = producer.input(0)?.producer ?? null;
  }
  return producer?.opType.startsWith('Dequantize') ?? false;
}
