// Removes heads of attention: their queries, keys, values and rows of the output projection, and adapts head counts.
import { definePass } from '../../src/pass/index.js';
import { pruneGroups } from '../../src/pruning/index.js';
import { options } from './options.js';

export const pruneHeads = definePass({
  name: 'prune-heads',
  kind: 'prune',
  summary: 'Removes the least important attention heads.',
  options,
  needs: ['inference'],
  run: (model, options, context) => pruneGroups(model, ['heads'], options, context),
});
