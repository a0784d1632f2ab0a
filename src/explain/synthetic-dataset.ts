// Seeded synthetic inputs as a data set without right answers.
import type { Dataset } from '../data/index.js';
import type { SyntheticFeeds } from '../synthetic/index.js';

export function syntheticDataset(feeds: SyntheticFeeds, size: number): Dataset {
  return {
    kind: 'arrays',
    description: `${size} seeded synthetic inputs, not real data`,
    size,
    classNames: null,
    states: [],
    byteLevel: false,
    padding: null,
    maskToken: null,
    async *samples() {
      for (let index = 0; index < size; index++) {
        yield { feeds: feeds.at(index), count: 1, targets: null, continues: false };
      }
    },
    async close() {},
  };
}
