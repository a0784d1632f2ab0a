// Floating-point formats of at most eight bits, one code per byte: ONNX FLOAT8E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ and E8M0,
// FLOAT6E2M3, FLOAT6E3M2 and FLOAT4E2M1. Encoding follows the tables of ONNX Cast (opset 25), ties to even.

import { roundHalfToEven } from './round-half-to-even.js';

interface Format {
  readonly bits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** Code of the largest finite value. */
  readonly largest: number;
  /** Code of infinity without its sign, where the format has one. */
  readonly infinity: number | null;
  /** Code written for NaN, without its sign unless `unsignedZero`; null where the format has no NaN. */
  readonly notANumber: number | null;
  /** "UZ" formats: the code of -0 is the only NaN, and there is no -0. */
  readonly unsignedZero: boolean;
}

function format(
  bits: number,
  mantissaBits: number,
  bias: number,
  largest: number,
  special: Partial<Format> = {},
): Format {
  return { bits, mantissaBits, bias, largest, infinity: null, notANumber: null, unsignedZero: false, ...special };
}

const formats = {
  float8e4m3fn: format(8, 3, 7, 0x7e, { notANumber: 0x7f }),
  float8e4m3fnuz: format(8, 3, 8, 0x7f, { notANumber: 0x80, unsignedZero: true }),
  float8e5m2: format(8, 2, 15, 0x7b, { infinity: 0x7c, notANumber: 0x7f }),
  float8e5m2fnuz: format(8, 2, 16, 0x7f, { notANumber: 0x80, unsignedZero: true }),
  float6e2m3: format(6, 3, 1, 0x1f),
  float6e3m2: format(6, 2, 3, 0x1f),
  float4e2m1: format(4, 1, 1, 0x7),
} as const;

type SignedFormat = keyof typeof formats;

/** ONNX data types this file knows; `float8e8m0` is an unsigned power of two, the others have a sign. */
export type MinifloatFormat = SignedFormat | 'float8e8m0';

const tables = new Map<MinifloatFormat, Float32Array>();

/** The value of `code`; bits above the width of the format are ignored. */
export function decodeMinifloat(format: MinifloatFormat, code: number): number {
  return tableOf(format)[code & 0xff];
}

/** The values of `codes`, one code per byte (unpack 4-bit tensors first). */
export function decodeMinifloatArray(
  format: MinifloatFormat,
  codes: Uint8Array,
  output: Float32Array = new Float32Array(codes.length),
): Float32Array {
  if (output.length < codes.length) throw new RangeError(`output holds ${output.length} of ${codes.length} elements`);
  const table = tableOf(format);
  for (let i = 0; i < codes.length; i++) output[i] = table[codes[i]];
  return output;
}

/**
 * The code nearest to `value` (rounded to float32 first), ties to even.
 *
 * Out of range, with `saturate` (the default of ONNX): the largest finite value of that sign, also for infinities.
 * Without: infinity where the format has it, else NaN. Formats of six and four bits have neither and always saturate;
 * NaN becomes -0 there, as in ml_dtypes. `float8e8m0` rounds up (the default of ONNX Cast), values below 2^-127 become it, infinity
 * saturates likewise; the sign is dropped (ONNX leaves negative values unspecified).
 */
export function encodeMinifloat(format: MinifloatFormat, value: number, saturate = true): number {
  const rounded = Math.fround(value);
  return format === 'float8e8m0' ? encodeExponent(rounded, saturate) : encodeSigned(formats[format], rounded, saturate);
}

/** Encodes every element as `encodeMinifloat` does, one code per byte. */
export function encodeMinifloatArray(format: MinifloatFormat, values: Float32Array, saturate = true): Uint8Array {
  const codes = new Uint8Array(values.length);
  if (format === 'float8e8m0') {
    for (let i = 0; i < codes.length; i++) codes[i] = encodeExponent(values[i], saturate);
  } else {
    const signed = formats[format];
    for (let i = 0; i < codes.length; i++) codes[i] = encodeSigned(signed, values[i], saturate);
  }
  return codes;
}

function encodeSigned(format: Format, value: number, saturate: boolean): number {
  const sign = value < 0 || Object.is(value, -0) ? 1 << (format.bits - 1) : 0;
  if (Number.isNaN(value)) return format.notANumber ?? 1 << (format.bits - 1);
  const magnitude = Math.abs(value);
  const smallestExponent = 1 - format.bias;
  const exponent = Math.max(exponentOf(magnitude), smallestExponent);
  // Counted in units of the last place, a value that rounds up to the next power of two carries into the exponent field.
  const units = roundHalfToEven(magnitude * 2 ** (format.mantissaBits - exponent));
  const code = (exponent - smallestExponent) * (1 << format.mantissaBits) + units;
  if (!(code <= format.largest)) {
    const outside = format.infinity ?? format.notANumber;
    if (saturate || outside === null) return sign | format.largest;
    return format.unsignedZero ? outside : sign | outside;
  }
  return code === 0 && format.unsignedZero ? 0 : sign | code;
}

function encodeExponent(value: number, saturate: boolean): number {
  if (Number.isNaN(value)) return 0xff;
  const magnitude = Math.abs(value);
  const code = Math.ceil(Math.log2(magnitude)) + 127;
  const exact = magnitude > 2 ** (code - 127) ? code + 1 : magnitude <= 2 ** (code - 128) ? code - 1 : code;
  if (saturate) return Math.min(Math.max(exact, 0), 0xfe);
  return exact < 0 || exact > 0xfe ? 0xff : exact;
}

/** floor(log2(magnitude)), exact; 1024 for infinity, below every format's range for zero. */
function exponentOf(magnitude: number): number {
  if (magnitude === 0) return -1024;
  if (magnitude === Infinity) return 1023;
  const guess = Math.floor(Math.log2(magnitude));
  if (2 ** guess > magnitude) return guess - 1;
  return 2 ** (guess + 1) <= magnitude ? guess + 1 : guess;
}

function tableOf(name: MinifloatFormat): Float32Array {
  let table = tables.get(name);
  if (table === undefined) {
    table = Float32Array.from({ length: 256 }, (_, code) =>
      name === 'float8e8m0' ? (code === 0xff ? Number.NaN : 2 ** (code - 127)) : decodeSigned(formats[name], code),
    );
    tables.set(name, table);
  }
  return table;
}

function decodeSigned(format: Format, byte: number): number {
  const signBit = 1 << (format.bits - 1);
  const code = byte & (signBit - 1);
  const negative = (byte & signBit) !== 0;
  if (format.unsignedZero && negative && code === 0) return Number.NaN;
  if (code > format.largest) return code !== format.infinity ? Number.NaN : negative ? -Infinity : Infinity;
  const field = code >> format.mantissaBits;
  const fraction = code & ((1 << format.mantissaBits) - 1);
  const units = field === 0 ? fraction : fraction + (1 << format.mantissaBits);
  const magnitude = units * 2 ** (Math.max(field, 1) - format.bias - format.mantissaBits);
  return negative ? -magnitude : magnitude;
}
