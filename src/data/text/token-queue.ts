// The tokens of a text that windows still need, with the words and bytes that each stands for: those of its line in equal parts.
import type { TextExtent } from '../dataset.js';

const spaces = [0x20, 0x09, 0x0a, 0x0d];

export class TokenQueue {
  private ids = new Int32Array(1 << 12);
  private words = new Float64Array(1 << 12);
  private bytes = new Float64Array(1 << 12);
  private start = 0;
  private end = 0;
  private afterSpace = true;

  get available(): number {
    return this.end - this.start;
  }

  /** The tokens of `line` and its line end. */
  push(ids: readonly number[], line: string): void {
    this.reserve(ids.length);
    const words = line.split(/\s+/).filter((word) => word !== '').length / ids.length;
    const bytes = (Buffer.byteLength(line) + 1) / ids.length;
    for (const id of ids) this.add(id, words, bytes);
  }

  /** Bytes as tokens; a word counts where it begins. */
  pushBytes(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    for (const byte of chunk) {
      const space = spaces.includes(byte);
      this.add(byte, this.afterSpace && !space ? 1 : 0, 1);
      this.afterSpace = space;
    }
  }

  slice(from: number, to: number): number[] {
    return Array.from(this.ids.subarray(this.start + from, this.start + to));
  }

  extent(from: number, to: number): TextExtent {
    let words = 0;
    let bytes = 0;
    for (let i = this.start + from; i < this.start + to; i++) {
      words += this.words[i];
      bytes += this.bytes[i];
    }
    return { words, bytes };
  }

  drop(count: number): void {
    this.start += count;
  }

  private add(id: number, words: number, bytes: number): void {
    this.ids[this.end] = id;
    this.words[this.end] = words;
    this.bytes[this.end++] = bytes;
  }

  /** Room for `count` more: what was dropped is overwritten, and the arrays grow where that is not enough. */
  private reserve(count: number): void {
    if (this.end + count <= this.ids.length) return;
    const needed = this.available + count;
    const capacity = Math.max(needed * 2, this.ids.length);
    const move = <A extends Int32Array | Float64Array>(from: A, to: A): A => {
      to.set(from.subarray(this.start, this.end));
      return to;
    };
    this.ids = move(this.ids, new Int32Array(capacity));
    this.words = move(this.words, new Float64Array(capacity));
    this.bytes = move(this.bytes, new Float64Array(capacity));
    this.end -= this.start;
    this.start = 0;
  }
}
