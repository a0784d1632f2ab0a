// Values that come out of DequantizeLinear in a model that is quantized in part: they have a grid, and are not rounded a second time.
import type { Value } from '../../../src/ir/index.js';
import { constantSource } from '../../../src/ops/index.js';
import { type QuantizationParameters, typeRange } from '../../../src/quantization/index.js';

/** The grid of eight-bit integers of one scale that `value` is restored from; null where it is not. */
export function knownGrid({ producer }: Value): QuantizationParameters | null {
  if (producer?.opType !== 'DequantizeLinear') return null;
  const scale = constantSource(producer.input(1))?.tensor;
  const zeroPoint = producer.input(2);
  const zero = zeroPoint ? constantSource(zeroPoint)?.tensor : null;
  if (scale?.size !== 1 || zero?.size !== 1 || constantSource(producer.input(0))) return null;
  const { dataType } = zero;
  if (dataType !== 'uint8' && dataType !== 'int8') return null;
  return {
    dataType,
    scale: Float32Array.from(scale.readFloat32()),
    zeroPoint: Int32Array.from(zero.readNumbers()),
    ...typeRange(dataType),
  };
}
