// Matrix products and 1 × 1 convolutions as two of lower rank: plain singular value decomposition, scaled by activations (ASVD, Yuan et al.
// 2023), or whitened by the covariance of real inputs and fitted again in order (SVD-LLM, Wang et al. 2024).
import { factorizationSchema, factorize } from '../../src/factorization/index.js';
import { definePass } from '../../src/pass/index.js';

export const lowRank = definePass({
  name: 'low-rank',
  kind: 'factorize',
  summary: 'Replaces MatMul, Gemm and 1 × 1 Conv by two of lower rank where that is smaller and not slower.',
  options: factorizationSchema,
  needs: ['inference'],
  run: (model, options, context) => factorize(model, ['low-rank'], ['MatMul', 'Gemm', 'Conv'], options, context),
});
