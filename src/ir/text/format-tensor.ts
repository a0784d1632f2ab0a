// Elements of tensors as literals. float16, bfloat16 and float8 are their bit patterns, as ONNX writes them; types below
// 8 bits are written element by element, which onnx.printer leaves out.
import { type PackedBits, unpackSigned, unpackUnsigned } from '../../numeric/index.js';
import { bitsPerElement, StringTensor, type Tensor } from '../../tensor/index.js';
import { quote } from './words.js';

/** `{1, 2}`; `{...}` for more than `maxElements` elements, without reading them. */
export function formatElements(tensor: Tensor, maxElements: number): string {
  if (tensor.size > maxElements) return '{...}';
  const literals = literalsOf(tensor);
  return literals ? `{${literals.join(', ')}}` : '{...}';
}

/** null for 6-bit types, whose packing ONNX has not settled. */
function literalsOf(tensor: Tensor): readonly string[] | null {
  if (tensor instanceof StringTensor) return tensor.values.map(quoteBytes);
  const { dataType } = tensor;
  const bits = bitsPerElement(dataType);
  if (bits === 2 || bits === 4) return unpack(tensor, bits).map(String);
  if (bits === 6) return null;
  const elements = tensor.read();
  if (elements instanceof Float32Array) return Array.from(elements, formatFloat32);
  if (elements instanceof Float64Array) return Array.from(elements, formatFloat64);
  return Array.from(elements as ArrayLike<number | bigint>, String);
}

function unpack(tensor: Tensor, bits: PackedBits): number[] {
  const signed = tensor.dataType === 'int4' || tensor.dataType === 'int2';
  return [...(signed ? unpackSigned : unpackUnsigned)(tensor.bytes(), bits, tensor.size)];
}

/** The shortest decimal that is this float32 and no other. */
export function formatFloat32(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return formatFloat64(value);
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return formatFloat64(candidate);
  }
  return formatFloat64(Number(value.toPrecision(9)));
}

function formatFloat64(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Bytes that are no UTF-8 show as U+FFFD. */
export function quoteBytes(bytes: Uint8Array): string {
  return quote(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
}
