// Removes neurons between two matrix products: the width of feed-forward layers.
import { definePass } from '../../src/pass/index.js';
import { pruneGroups } from '../../src/pruning/index.js';
import { options } from './options.js';

export const pruneNeurons = definePass({
  name: 'prune-neurons',
  kind: 'prune',
  summary: 'Removes the least important neurons of feed-forward layers.',
  options,
  needs: ['inference'],
  run: (model, options, context) => pruneGroups(model, ['neurons'], options, context),
});
