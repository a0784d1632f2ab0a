import { describe, expect, it } from 'vitest';
import { pairStates, type Sample, StateFeeder } from '../../src/data/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { modelInterface } from './model-interfaces.js';

describe('pairs of states', () => {
  it.each([
    ['state', 'stateN'],
    ['h', 'hn'],
    ['h0', 'hn'],
    ['conv_cache', 'conv_cache_out'],
    ['cache_in', 'cache_out'],
    ['past_key_values.0.key', 'present.0.key'],
    ['prev_state', 'next_state'],
  ])('%s and %s by name', (input, output) => {
    const model = modelInterface(
      { x: ['float32', ['N', 4]], [input]: ['float32', [2, 'N', 8]] },
      { y: ['float32', ['N', 4]], [output]: ['float32', ['a', 'b', 'c']] },
    );
    expect(pairStates(model, new Set(['x']))).toEqual([{ input, output }]);
  });

  it('by shape where only one fits', () => {
    const model = modelInterface(
      { input_2: ['float32', [1, 1, 257]], input_3: ['float32', [1, 2, 128, 2]] },
      { activation_2: ['float32', [1, 1, 257]], stack_2: ['float32', [1, 2, 128, 2]] },
    );
    expect(pairStates(model, new Set(['input_2']))).toEqual([{ input: 'input_3', output: 'stack_2' }]);
  });

  it('not where types differ, or two would fit', () => {
    const types = modelInterface({ h: ['float32', [2]] }, { hn: ['float16', [2]] });
    expect(pairStates(types, new Set())).toEqual([]);
    const rivals = modelInterface(
      { a: ['float32', [2]], b: ['float32', [2]] },
      { c: ['float32', [2]], d: ['float32', [2]] },
    );
    expect(pairStates(rivals, new Set())).toEqual([]);
  });
});

describe('feeding state', () => {
  const model = modelInterface(
    { x: ['float32', ['batch', 1]], h: ['float32', [2, 'batch', 1]], past: ['float32', ['batch', 4, 'past', 2]] },
    { y: ['float32', ['batch', 1]], hn: ['float32', [2, 'batch', 1]], present: ['float32', ['batch', 4, 'total', 2]] },
  );
  const sample = (continues: boolean): Sample => ({
    feeds: { x: float32Tensor([1, 1], [1]) },
    count: 1,
    targets: null,
    continues,
  });

  it('begins with zeros, of no length for the past, and goes on with the outputs until a new sequence begins', () => {
    const feeder = new StateFeeder(model, [
      { input: 'h', output: 'hn' },
      { input: 'past', output: 'present' },
    ]);
    const first = feeder.complete(sample(false));
    expect([first.h.shape, [...first.h.readFloat32()], first.past.shape]).toEqual([
      [2, 1, 1],
      [0, 0],
      [1, 4, 0, 2],
    ]);
    const hn = float32Tensor([2, 1, 1], [5, 6]);
    const present = float32Tensor([1, 4, 1, 2], new Float32Array(8));
    feeder.update({ hn, present, y: float32Tensor([1, 1], [0]) });
    const second = feeder.complete(sample(true));
    expect([second.h, second.past]).toEqual([hn, present]);
    expect([...feeder.complete(sample(false)).h.readFloat32()]).toEqual([0, 0]);
  });
});
