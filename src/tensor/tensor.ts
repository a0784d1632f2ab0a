// Tensors: immutable, lazy values. Metadata never does I/O and nothing is cached: reading reads, computing computes.
// The bytes of a tensor are ONNX's raw_data: little-endian, row-major, types below 8 bits packed low bits first.
import { internalError, invalidModel } from '../errors.js';
import { bfloat16ToFloat32Array, float16ToFloat32Array } from '../numeric/index.js';
import { chunkLength } from './chunk-length.js';
import { byteLengthOf, type DataType, sizeOf, type TypedArray, typedArrayOf } from './data-type.js';
import type { TensorDescription } from './description.js';
import type { FileSource } from './file-source.js';
import { decodeVarints } from './varint.js';

export abstract class Tensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  /** Length of raw_data in bytes. */
  readonly byteLength: number;

  constructor(dataType: DataType, shape: readonly number[]) {
    this.dataType = dataType;
    this.shape = shape;
    this.size = sizeOf(shape);
    this.byteLength = byteLengthOf(dataType, this.size);
  }

  /**
   * The bytes [from, to) of raw_data in order, in pieces of at most `chunkLength`. A piece is valid until the next one is asked for.
   * `from` is a multiple of 16.
   */
  abstract chunks(from?: number, to?: number): Iterable<Uint8Array>;

  /** A value that can cross to a worker thread, or null when this tensor can only be read here. */
  abstract describe(): TensorDescription | null;

  /** All of raw_data; treat it as read-only. */
  bytes(): Uint8Array {
    const result = new Uint8Array(this.byteLength);
    let position = 0;
    for (const chunk of this.chunks()) {
      result.set(chunk, position);
      position += chunk.length;
    }
    if (position !== this.byteLength)
      throw internalError(`A tensor gave ${position} bytes instead of ${this.byteLength}`);
    return result;
  }

  /** The elements in the typed array of their type (packed types: their bytes; float16 and bfloat16: their bits). */
  read(): TypedArray {
    return typedArrayOf(this.dataType, this.bytes());
  }

  /** The elements as float32; float16, bfloat16, float64 and integers up to 32 bits are converted. */
  readFloat32(): Float32Array {
    const data = this.read();
    switch (this.dataType) {
      case 'float32':
        return data as Float32Array;
      case 'float16':
        return float16ToFloat32Array(data as Uint16Array);
      case 'bfloat16':
        return bfloat16ToFloat32Array(data as Uint16Array);
      case 'float64':
      case 'uint8':
      case 'int8':
      case 'bool':
      case 'uint16':
      case 'int16':
      case 'int32':
      case 'uint32':
        return Float32Array.from(data as Float64Array);
      default:
        throw internalError(`A ${this.dataType} tensor cannot be read as float32`);
    }
  }

  /** The elements of an integer tensor as numbers (int64 beyond 2^53 loses digits). */
  readNumbers(): number[] {
    return Array.from(this.read() as ArrayLike<number | bigint>, Number);
  }
}

/** A tensor in memory. */
export class MemoryTensor extends Tensor {
  private readonly data: Uint8Array;

  constructor(dataType: DataType, shape: readonly number[], data: TypedArray) {
    super(dataType, shape);
    this.data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (this.data.length !== this.byteLength) {
      throw internalError(`${this.data.length} bytes for a ${dataType} tensor [${shape}] of ${this.byteLength}`);
    }
  }

  override *chunks(from = 0, to = this.byteLength): Iterable<Uint8Array> {
    for (let position = from; position < to; position += chunkLength) {
      yield this.data.subarray(position, Math.min(position + chunkLength, to));
    }
  }

  override bytes(): Uint8Array {
    return this.data;
  }

  override describe(): TensorDescription {
    return { kind: 'memory', dataType: this.dataType, shape: this.shape, data: this.data };
  }
}

/** How a range of a file holds a tensor: as raw_data, or as the varints of a packed protobuf field. */
export type FileEncoding = 'raw' | 'varint';

/** A tensor that is a range of a file. */
export class FileTensor extends Tensor {
  readonly source: FileSource;
  readonly offset: number;
  readonly length: number;
  readonly encoding: FileEncoding;

  constructor(
    dataType: DataType,
    shape: readonly number[],
    source: FileSource,
    range: { offset: number; length: number; encoding?: FileEncoding },
  ) {
    super(dataType, shape);
    this.source = source;
    this.offset = range.offset;
    this.length = range.length;
    this.encoding = range.encoding ?? 'raw';
    if (range.offset < 0 || range.length < 0 || range.offset + range.length > source.size) {
      throw invalidModel(
        `A tensor lies at bytes ${range.offset} to ${range.offset + range.length} of ${source.path}, which has ${source.size}`,
      );
    }
    if (this.encoding === 'raw' && range.length !== this.byteLength) {
      throw invalidModel(
        `A ${dataType} tensor [${shape}] takes ${this.byteLength} bytes, but ${range.length} are stored in ${source.path}`,
      );
    }
  }

  override *chunks(from = 0, to = this.byteLength): Iterable<Uint8Array> {
    if (this.encoding === 'raw') yield* this.source.pieces(this.offset + from, to - from);
    else yield this.bytes().subarray(from, to);
  }

  override bytes(): Uint8Array {
    const stored = this.source.read(this.offset, this.length);
    return this.encoding === 'raw' ? stored : decodeVarints(stored, this.dataType, this.size);
  }

  override describe(): TensorDescription {
    const { dataType, shape, offset, length, encoding } = this;
    return { kind: 'file', dataType, shape, source: this.source.describe(), offset, length, encoding };
  }
}

/** A tensor of strings: UTF-8 bytes of each element. Its `byteLength` is 0: strings have no raw_data. */
export class StringTensor extends Tensor {
  readonly values: readonly Uint8Array[];

  constructor(shape: readonly number[], values: readonly Uint8Array[]) {
    super('string', shape);
    this.values = values;
    if (values.length !== this.size) throw invalidModel(`A string tensor [${shape}] has ${values.length} strings`);
  }

  override *chunks(): Iterable<Uint8Array> {}

  override describe(): null {
    return null;
  }
}

/**
 * Computes the bytes of a tensor from other tensors. It is a plain exported constant; `module` and `exportName` let a worker
 * thread find it again, `parameters` must survive a structured clone.
 */
export interface TensorKernel<Parameters> {
  /** `import.meta.url` of the module that exports it. */
  readonly module: string;
  readonly exportName: string;
  /** Yields raw_data in order; a piece is used before the next one is asked for, so a buffer may be reused. */
  chunks(inputs: readonly Tensor[], parameters: Parameters, output: Tensor): Iterable<Uint8Array>;
}

/** A tensor that is computed each time it is read. */
export class ComputedTensor<Parameters = unknown> extends Tensor {
  readonly kernel: TensorKernel<Parameters>;
  readonly inputs: readonly Tensor[];
  readonly parameters: Parameters;

  constructor(
    dataType: DataType,
    shape: readonly number[],
    kernel: TensorKernel<Parameters>,
    inputs: readonly Tensor[],
    parameters: Parameters,
  ) {
    super(dataType, shape);
    this.kernel = kernel;
    this.inputs = inputs;
    this.parameters = parameters;
  }

  override *chunks(from = 0, to = this.byteLength): Iterable<Uint8Array> {
    let position = 0;
    for (const chunk of this.kernel.chunks(this.inputs, this.parameters, this)) {
      const start = Math.max(from - position, 0);
      const end = Math.min(to - position, chunk.length);
      if (start < end) yield chunk.subarray(start, end);
      position += chunk.length;
      if (position >= to) return;
    }
  }

  override describe(): TensorDescription | null {
    const inputs = this.inputs.map((input) => input.describe());
    if (inputs.includes(null)) return null;
    return {
      kind: 'computed',
      dataType: this.dataType,
      shape: this.shape,
      module: this.kernel.module,
      exportName: this.kernel.exportName,
      inputs: inputs as TensorDescription[],
      parameters: this.parameters,
    };
  }
}
