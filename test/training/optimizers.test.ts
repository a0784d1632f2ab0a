// Optimizers beside PyTorch's: three steps from the same weights with the same gradients.
import { expect, test } from 'vitest';
import { Adam, gradientNorm, Momentum, type Optimizer, rateAt } from '../../src/training/optimizers/index.js';

const gradients = [
  [0.1, -0.2, 0.3],
  [0.2, 0.1, -0.4],
  [0, 0.5, 0.2],
];

function follow(optimizer: Optimizer): number[] {
  const weights = new Map([['w', Float32Array.of(1, -2, 0.5)]]);
  for (const values of gradients) optimizer.step(weights, new Map([['w', Float32Array.from(values)]]), 0.1);
  return [...weights.get('w')!];
}

test.each<[string, Optimizer, number[]]>([
  ['Adam', new Adam(), [0.7288729, -1.9232917, 0.4094994]],
  ['AdamW', new Adam({ decay: () => 0.05 }), [0.7154279, -1.8945721, 0.4029376]],
  ['momentum', new Momentum(), [0.9349, -2.0148001, 0.4747]],
  ['Nesterov', new Momentum({ nesterov: true, decay: () => 0.05 }), [0.872386, -1.9743695, 0.4480985]],
])('%s', (_, optimizer, expected) => {
  for (const [index, value] of follow(optimizer).entries()) expect(value).toBeCloseTo(expected[index], 5);
});

test('an optimizer goes on from its state as if it had not stopped', () => {
  const all = follow(new Adam());
  const weights = new Map([['w', Float32Array.of(1, -2, 0.5)]]);
  const first = new Adam();
  const step = (optimizer: Optimizer, index: number): void =>
    optimizer.step(weights, new Map([['w', Float32Array.from(gradients[index])]]), 0.1);
  step(first, 0);
  const second = new Adam();
  second.restore(structuredClone(first.state()));
  step(second, 1);
  step(second, 2);
  expect([...weights.get('w')!]).toEqual(all);
});

test('rates warm up, then fall to zero along a cosine', () => {
  const rates = [...Array(10).keys()].map((step) =>
    rateAt(step, { schedule: 'cosine', peak: 1, steps: 10, warmup: 2 }),
  );
  expect(rates[0]).toBe(0.5);
  expect(rates[1]).toBe(1);
  expect(rates[2]).toBe(1);
  expect(rates[6]).toBeCloseTo(0.5, 10);
  expect(rates[9]).toBeLessThan(0.05);
});

test('the norm is that of all gradients as one vector', () => {
  expect(
    gradientNorm(
      new Map([
        ['a', Float32Array.of(3)],
        ['b', Float32Array.of(0, 4)],
      ]),
    ),
  ).toBe(5);
});
