// Matrix products of the same input, and of the same role in neighbouring blocks, over one shared basis (Basis Sharing, Wang et al. 2024).
import { shareBases, sharingSchema } from '../../src/factorization/index.js';
import { definePass } from '../../src/pass/index.js';

export const shareBasis = definePass({
  name: 'share-basis',
  kind: 'factorize',
  summary: 'Lets matrix products of neighbouring blocks share one basis, with light coefficients of their own.',
  options: sharingSchema,
  needs: ['inference'],
  run: (model, options, context) => shareBases(model, options, context),
});
