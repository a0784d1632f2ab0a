// The kernels of kernels.as for JavaScript: one instance a thread, and places in its memory, which grows to the largest matrix that was
// asked for and is used over and over.
import { binary } from './kernels-binary.js';

/** See kernels.as. Pointers are bytes in the memory of the instance. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  heapBase(): number;
  columnExtremes(values: number, rows: number, columns: number, low: number, high: number): number;
  runExtremes(values: number, count: number, low: number, high: number): number;
  packColumns(
    values: number,
    blocks: number,
    rows: number,
    columns: number,
    scales: number,
    lowest: number,
    highest: number,
    select: number,
    tries: number,
    sparse: number,
    multipliers: number,
    output: number,
  ): void;
  packRuns(
    values: number,
    blocks: number,
    rows: number,
    scales: number,
    lowest: number,
    highest: number,
    select: number,
    tries: number,
    sparse: number,
    multipliers: number,
    output: number,
  ): void;
  blockParameters(
    values: number,
    stride: number,
    rows: number,
    runs: number,
    levels: number,
    symmetric: number,
    shares: number,
    tries: number,
    sparse: number,
    scales: number,
    zeros: number,
  ): void;
  floatZeroParameters(
    values: number,
    stride: number,
    rows: number,
    runs: number,
    levels: number,
    scales: number,
    zeros: number,
  ): void;
  takeParameters(values: number, stride: number, rows: number, runs: number, scales: number, zeros: number): void;
  blockIntegers(
    output: number,
    stride: number,
    rows: number,
    runs: number,
    lanes: number,
    levels: number,
    shift: number,
    fractional: number,
  ): void;
  packNibbles(values: number, count: number, output: number): void;
  packCrumbs(values: number, count: number, output: number): void;
  spreadRuns(from: number, length: number, to: number, stride: number, lanes: number): void;
}

/** What of the global WebAssembly is used; Node.js has it, its types do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: KernelExports };
};

/** Blocks that are looked at side by side. */
export const lanes = 16;
/** Elements of a block at most. */
export const mostBlockRows = 256;
/** What kernels may read and write beyond the end of what they were given: a whole vector, or the lanes of a panel. */
const slack = 64;
const pageBytes = 65536;

export class Kernels {
  readonly run: KernelExports;
  private readonly start: number;

  constructor() {
    this.run = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(binary, 'base64'))).exports;
    this.start = Math.ceil(this.run.heapBase() / slack) * slack;
  }

  /** Places for areas of these many bytes, each with slack behind it; those handed out before are no longer valid. */
  reserve(...lengths: readonly number[]): number[] {
    let end = this.start;
    const places = lengths.map((length) => {
      const place = end;
      end += Math.ceil((length + slack) / slack) * slack;
      return place;
    });
    const missing = end - this.run.memory.buffer.byteLength;
    if (missing > 0) this.run.memory.grow(Math.ceil(missing / pageBytes));
    return places;
  }

  /** The memory at a place; valid until the next `reserve`. */
  float32(place: number, length: number): Float32Array {
    return new Float32Array(this.run.memory.buffer, place, length);
  }

  float64(place: number, length: number): Float64Array {
    return new Float64Array(this.run.memory.buffer, place, length);
  }

  int8(place: number, length: number): Int8Array {
    return new Int8Array(this.run.memory.buffer, place, length);
  }

  bytes(place: number, length: number): Uint8Array {
    return new Uint8Array(this.run.memory.buffer, place, length);
  }
}

let instance: Kernels | null = null;

/** The kernels of this thread. */
export function kernels(): Kernels {
  instance ??= new Kernels();
  return instance;
}
