// How a tensor is quantized: element type, symmetry and granularity, in the words of ONNX QuantizeLinear.
// Integer ranges are those of onnxruntime's quantization tool (quant_utils.get_qmin_qmax_for_qType).

/** Integer types that QuantizeLinear (opset 25) writes. */
export type QuantizedType = 'int8' | 'uint8' | 'int4' | 'uint4' | 'int2' | 'uint2' | 'int16' | 'uint16';

/** Which elements share a scale: all, those of one index along `axis`, or `blockSize` neighbours along `axis`. */
export type Granularity =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'channel'; readonly axis: number }
  | { readonly kind: 'block'; readonly axis: number; readonly blockSize: number };

export interface QuantizationScheme {
  readonly dataType: QuantizedType;
  /** The range is centred on zero, so the zero point is the same everywhere (0 for signed types). */
  readonly symmetric: boolean;
  readonly granularity: Granularity;
  /** One bit less (int8 within [-64, 64]), so that the int16 sums of CPUs without VNNI cannot saturate. */
  readonly reducedRange?: boolean;
}

/** Inclusive bounds of quantized values. */
export interface QuantizedRange {
  readonly minimum: number;
  readonly maximum: number;
}

const widths: Readonly<Record<QuantizedType, number>> = {
  int8: 8,
  uint8: 8,
  int4: 4,
  uint4: 4,
  int2: 2,
  uint2: 2,
  int16: 16,
  uint16: 16,
};

/** Bits of one element. */
export function quantizedBits(dataType: QuantizedType): number {
  return widths[dataType];
}

/** Whether the type has negative values. */
export function isSigned(dataType: QuantizedType): boolean {
  return dataType.startsWith('i');
}

/** All values the type can hold; what QuantizeLinear itself saturates to. */
export function typeRange(dataType: QuantizedType): QuantizedRange {
  const levels = 2 ** widths[dataType];
  return isSigned(dataType) ? { minimum: -levels / 2, maximum: levels / 2 - 1 } : { minimum: 0, maximum: levels - 1 };
}

/**
 * The values the scheme uses. Symmetric ranges leave out the lowest value, to be centred on the zero point: int8
 * [-127, 127], uint8 [1, 255] around 128. Reduced ranges: int8 [-64, 64], uint8 [0, 127].
 * @throws RangeError for a reduced range of a 2-bit type, which has no bit to spare.
 */
export function quantizedRange(scheme: QuantizationScheme): QuantizedRange {
  const { minimum, maximum } = typeRange(scheme.dataType);
  if (scheme.reducedRange) {
    if (widths[scheme.dataType] === 2) throw new RangeError(`${scheme.dataType} has no reduced range`);
    // A quarter of the levels on each side of zero for signed types, the lower half for unsigned ones.
    if (isSigned(scheme.dataType)) return { minimum: minimum / 2, maximum: -minimum / 2 };
    const reduced = (maximum - 1) / 2;
    return { minimum: scheme.symmetric ? 1 : 0, maximum: reduced };
  }
  return { minimum: scheme.symmetric ? minimum + 1 : minimum, maximum };
}

/** The zero point of every symmetric scheme: the middle of its range. */
export function symmetricZeroPoint(scheme: QuantizationScheme): number {
  const { minimum, maximum } = quantizedRange({ ...scheme, symmetric: true });
  return (minimum + maximum) / 2;
}
