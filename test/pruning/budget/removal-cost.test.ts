import { expect, test } from 'vitest';
import { findChannelGroups } from '../../../src/analysis/index.js';
import { RemovalCost } from '../../../src/pruning/budget/removal-cost.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine } from '../../fixture-models.js';

const model = randomModel(
  `<ir_version: 10, opset_import: ["" : 17]> graph (float[1,16,8,8] x) => (float[1,16,8,8] y)
  <float[32,16,3,3] a = {...}, float[16,32,3,3] b = {...}> {
    s = Conv <pads = [1,1,1,1]> (x, a)
    t = Relu (s)
    y = Conv <pads = [1,1,1,1]> (t, b)
  }`,
);

test('blocks of channels, what outputs take to write, and nothing for what is gone', async () => {
  const structure = await findChannelGroups(model, engine);
  const [group] = structure.groups;
  const costOf = (left: number, channelBlock: number): number =>
    RemovalCost.of(structure, 'padded-macs', channelBlock).total(new Map([[group, 32 - left]]));
  /** Both convolutions, by the channels between them as computed and as summed over, and the elements they write. */
  const byHand = (made: number, summed: number): number => 64 * 9 * 16 * (made + summed) + 32 * 64 * (made + 16);
  expect(costOf(32, 16)).toBe(byHand(32, 32));
  expect(costOf(20, 16)).toBe(byHand(32, 32));
  expect(costOf(16, 16)).toBe(byHand(16, 16));
  // Fewer channels than one block are made as a block, and read as they are.
  expect(costOf(4, 16)).toBe(byHand(16, 4));
  expect(costOf(20, 8)).toBe(byHand(24, 24));
  expect(costOf(0, 16)).toBe(0);
  expect(RemovalCost.of(structure, 'macs').total(new Map([[group, 12]]))).toBe(64 * 9 * 16 * 40);
});
