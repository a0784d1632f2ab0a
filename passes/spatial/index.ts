// Convolutions as k × 1 and 1 × k (Jaderberg, Vedaldi & Zisserman 2014).
import { factorizationSchema, factorize } from '../../src/factorization/index.js';
import { definePass } from '../../src/pass/index.js';

export const spatial = definePass({
  name: 'spatial',
  kind: 'factorize',
  summary: 'Replaces k × k Conv by k × 1 and 1 × k where that is smaller and not slower.',
  options: factorizationSchema,
  needs: ['inference'],
  run: (model, options, context) => factorize(model, ['spatial'], ['Conv'], options, context),
});
