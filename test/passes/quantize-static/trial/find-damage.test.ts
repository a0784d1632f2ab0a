import { expect, it } from 'vitest';
import { findDamage } from '../../../../passes/quantize-static/trial/find-damage.js';

/** Operators whose damage adds up, and what each still does when it was spared 0, 1, … times; counts what is asked. */
function search(damages: readonly (readonly number[])[], shared: (which: readonly number[]) => number = () => 0) {
  const spared = damages.map(() => 0);
  let asked = 0;
  const errorOf = async (operators: readonly number[]): Promise<number> => {
    asked++;
    const own = operators.reduce((sum, which) => sum + (damages[which][spared[which]] ?? 0), 0);
    return own + shared(operators);
  };
  const run = async (bearable: number, most = 100, good = bearable, shares: readonly number[] = []) => {
    const all = damages.map((_, which) => which);
    const error = await errorOf(all);
    const spare = (which: number): boolean => ++spared[which] < damages[which].length;
    const limits = { bearable, good, most, mostOfBearable: most };
    const restore = (which: number) => {
      const times = spared[which];
      spared[which] = 0;
      return () => {
        spared[which] = times;
      };
    };
    const isWorth = (which: number, share: number): boolean => share > 4 * shares[which];
    return { ...(await findDamage(all, error, limits, { errorOf, spare, restore, isWorth })), asked };
  };
  return { run, spared };
}

it('finds the few of many that do the damage, in fewer measurements than there are operators', async () => {
  const damages = Array.from({ length: 64 }, (_, which) => [which === 17 ? 0.3 : which === 40 ? 0.2 : 0.0001]);
  const { spared, error, asked } = await search(damages).run(0.01);
  expect(spared).toEqual([17, 40]);
  expect(error).toBeCloseTo(0.0062, 6);
  expect(asked).toBeLessThan(32);
});

it('spares no more than the limit asks for', async () => {
  expect((await search([[0.04], [0.04], [0.04], [0.04]]).run(0.1)).spared).toHaveLength(2);
});

it('spares below the limit what does far more of the damage than of the work', async () => {
  const damages = [[0.05], [0.03], [0.01], [0.01]];
  const { spared, error } = await search(damages).run(0.1, 100, 0.02, [0.5, 0.05, 0.03, 0.5]);
  expect(spared).toEqual([1, 2]);
  expect(error).toBeCloseTo(0.06, 6);
});

it('takes back what helped nothing by itself', async () => {
  // Operators 0 and 1 round the value between them, and it is worth sparing 0 only.
  const between = (which: readonly number[]): number => (which.includes(0) || which.includes(1) ? 0.05 : 0);
  const damages = [[0.001], [0.001], [0.001], [0.001]];
  const alone = await search(damages, between).run(0.1, 100, 0.02, [0.01, 0.5, 0.5, 0.5]);
  expect(alone.spared).toEqual([]);
  expect(alone.error).toBeCloseTo(0.054, 6);
  const both = await search(damages, between).run(0.1, 100, 0.02, [0.01, 0.01, 0.5, 0.5]);
  expect(both.spared).toEqual([0, 1]);
  expect(both.error).toBeCloseTo(0.002, 6);
});

it('spares an operator further where it still does the most', async () => {
  const { run, spared } = search([[0.1, 0.09, 0], [0.001], [0.001]]);
  await run(0.01);
  expect(spared).toEqual([2, 0, 0]);
});

it('ends when it asked often enough, with what it has', async () => {
  const damages = Array.from({ length: 100 }, () => [0.01]);
  const { error, asked } = await search(damages).run(0.001, 20);
  expect(asked).toBeLessThanOrEqual(23);
  expect(error).toBeLessThan(1.001);
});
