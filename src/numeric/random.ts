// A seeded random generator: sfc32 (Chris Doty-Humphrey, PractRand), keyed through the 32-bit finalizer of MurmurHash3.
// The same seed gives the same stream on every machine; forks are named, so adding one never disturbs another.

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  next(): number;
  /** A uniform integer in [0, below). @throws RangeError unless `below` is a positive safe integer. */
  int(below: number): number;
  /** Standard normal (mean 0, variance 1). */
  normal(): number;
  /** An independent stream; depends on the seed and `label` only, not on how much of this stream was used. */
  fork(label: string): Random;
}

/** Four 32-bit words that name a stream. */
type Key = readonly [number, number, number, number];

/** The stream of `seed`, which may be any finite number. @throws RangeError for NaN and infinities. */
export function createRandom(seed: number): Random {
  if (!Number.isFinite(seed)) throw new RangeError(`seed must be a finite number, not ${seed}`);
  // -0 is 0: the two compare equal, so they must name the same stream.
  const words = new Uint32Array(Float64Array.of(seed === 0 ? 0 : seed).buffer);
  return new Sfc32(deriveKey([words[0], words[1], 0x9e3779b9, 0x243f6a88], ''));
}

class Sfc32 implements Random {
  readonly #key: Key;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spareNormal = Number.NaN;

  constructor(key: Key) {
    this.#key = key;
    [this.#a, this.#b, this.#c, this.#counter] = key;
    for (let i = 0; i < 12; i++) this.#word();
  }

  next(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  int(below: number): number {
    if (!Number.isSafeInteger(below) || below < 1)
      throw new RangeError(`below must be a positive integer, not ${below}`);
    if (below > 0x100000000) return Math.floor(this.next() * below);
    // Words past the last whole multiple of `below` are drawn again, so that every outcome is equally likely.
    const limit = 0x100000000 - (0x100000000 % below);
    let word = this.#word() >>> 0;
    while (word >= limit) word = this.#word() >>> 0;
    return word % below;
  }

  normal(): number {
    if (!Number.isNaN(this.#spareNormal)) {
      const spare = this.#spareNormal;
      this.#spareNormal = Number.NaN;
      return spare;
    }
    // Marsaglia's polar method: a point in the unit disc gives two independent values.
    let x = 0;
    let y = 0;
    let square = 0;
    do {
      x = 2 * this.next() - 1;
      y = 2 * this.next() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    this.#spareNormal = y * factor;
    return x * factor;
  }

  fork(label: string): Random {
    return new Sfc32(deriveKey(this.#key, label));
  }

  #word(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result;
  }
}

/** Absorbs each UTF-16 unit of `label`, then its length, into the four words of `key`. */
function deriveKey(key: Key, label: string): Key {
  let [a, b, c, d] = key;
  for (let i = 0; i <= label.length; i++) {
    const unit = i < label.length ? label.charCodeAt(i) : label.length + 0x10000;
    a = mix(a ^ unit);
    b = mix(b + a);
    c = mix(c ^ b);
    d = mix(d + c);
    a ^= d;
  }
  return [mix(a + 0x9e3779b9), mix(b + 0x3c6ef372), mix(c + 0xdaa66d2b), mix(d + 0x78dde6e4)];
}

function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
