// Losses as users write them: weights, stages and their shares, which block follows which.
import { expect, test } from 'vitest';
import { lossOf } from '../../src/training/loss-stages.js';
import { mapLayers, parseMapping } from '../../src/training/losses/layer-mapping.js';
import { parseStages } from '../../src/training/losses/loss-weights.js';
import { optionsOf } from './small-models.js';

test('stages without a share divide what is left', () => {
  const stages = parseStages('features:1@30%;attention:2;logits:1,labels:0.5');
  expect(stages).toEqual([
    { losses: [{ name: 'features', weight: 1 }], share: 0.3 },
    { losses: [{ name: 'attention', weight: 2 }], share: expect.closeTo(0.35) },
    {
      losses: [
        { name: 'logits', weight: 1 },
        { name: 'labels', weight: 0.5 },
      ],
      share: expect.closeTo(0.35),
    },
  ]);
});

test.each(['logits:1@30', 'logits:1@110%;labels:1', 'features:1@50%;logits:1@20%', 'logits:1;wrong:1'])(
  'no stages: %s',
  (text) => {
    expect(typeof parseStages(text)).toBe('string');
    expect(() => optionsOf({ loss: text })).toThrow(/losses are written like/);
  },
);

test('blocks are mapped evenly, from the end, or as given', () => {
  expect(mapLayers('uniform', 3, 6)).toEqual([
    [0, 1],
    [1, 3],
    [2, 5],
  ]);
  expect(mapLayers('last', 2, 6)).toEqual([
    [0, 4],
    [1, 5],
  ]);
  expect(mapLayers(parseMapping('1-2, 2-6')!, 2, 6)).toEqual([
    [0, 1],
    [1, 5],
  ]);
  expect(mapLayers(parseMapping('3-1')!, 2, 6)).toBeNull();
  expect(parseMapping('0-1')).toBeNull();
  expect(parseMapping('first')).toBeNull();
});

test('knowledge to keep weighs the answers of the teacher', () => {
  expect(lossOf(optionsOf({}))).toBe('logits:1');
  expect(lossOf(optionsOf({ replay: 'old.npz', keepKnowledge: 0.25 }))).toBe('labels:0.75,logits:0.25');
  expect(lossOf(optionsOf({ replay: 'old.npz', keepKnowledge: 0 }))).toBe('labels:1');
  expect(lossOf(optionsOf({ replay: 'old.npz', loss: 'labels:1' }))).toBe('labels:1');
});
