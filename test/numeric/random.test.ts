import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/numeric/index.js';

describe('createRandom', () => {
  it('repeats itself for a seed and differs between seeds', () => {
    const draw = (seed: number) => Array.from({ length: 4 }, createStream(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(0.5)).not.toEqual(draw(0));
    expect(draw(-0)).toEqual(draw(0));
    expect(() => createRandom(Number.NaN)).toThrow(RangeError);
  });

  it('forks by label, whatever was drawn before', () => {
    const fresh = createRandom(1).fork('a').next();
    const used = createRandom(1);
    used.next();
    expect(used.fork('a').next()).toBe(fresh);
    const streams = [used.fork('b'), used.fork(''), used, used.fork('a').fork('a'), used.fork('aa')];
    const values = streams.map((stream) => stream.next());
    expect(new Set([...values, fresh]).size).toBe(6);
  });

  it('is uniform and normal', () => {
    const random = createRandom(3);
    const count = 20000;
    const buckets = new Array<number>(7).fill(0);
    for (let i = 0; i < count; i++) buckets[random.int(7)]++;
    const expected = count / 7;
    const chiSquare = buckets.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(22.5); // 99.9 % of the distribution with six degrees of freedom
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const x = random.normal();
      sum += x;
      squares += x * x;
    }
    expect(Math.abs(sum / count)).toBeLessThan(0.03);
    expect(Math.abs(squares / count - 1)).toBeLessThan(0.05);
    expect(() => random.int(0)).toThrow(RangeError);
    expect(random.int(2 ** 50)).toBeLessThan(2 ** 50);
  });
});

function createStream(seed: number): () => number {
  const random = createRandom(seed);
  return () => random.next();
}
