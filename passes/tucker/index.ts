// Convolutions as 1 × 1, k × k and 1 × 1: Tucker decomposition over the channels (Kim et al. 2016).
import { factorizationSchema, factorize } from '../../src/factorization/index.js';
import { definePass } from '../../src/pass/index.js';

export const tucker = definePass({
  name: 'tucker',
  kind: 'factorize',
  summary: 'Replaces Conv by 1 × 1, k × k and 1 × 1 over fewer channels where that is smaller and not slower.',
  options: factorizationSchema,
  needs: ['inference'],
  run: (model, options, context) => factorize(model, ['tucker'], ['Conv'], options, context),
});
