// Removes channels (and units of recurrent layers, and neurons) together with everything that computes or takes them.
import { definePass } from '../../src/pass/index.js';
import { pruneGroups } from '../../src/pruning/index.js';
import { options } from './options.js';

export const pruneChannels = definePass({
  name: 'prune-channels',
  kind: 'prune',
  summary: 'Removes the least important channels, with everything that must go with them.',
  options,
  needs: ['inference'],
  run: (model, options, context) => pruneGroups(model, ['channels', 'neurons'], options, context),
});
