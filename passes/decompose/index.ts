// Every operator in the way that suits it: convolutions by Tucker decomposition or over rows and columns, whichever loses less, matrix products by two
// of lower rank, one budget for all.
import { factorizationSchema, factorize } from '../../src/factorization/index.js';
import { definePass } from '../../src/pass/index.js';

/** Those behind Gemm are left alone, and named in the report. */
const operators = ['Conv', 'MatMul', 'Gemm', 'ConvTranspose', 'LSTM', 'GRU', 'RNN'];

export const decompose = definePass({
  name: 'decompose',
  kind: 'factorize',
  summary:
    'Factorizes Conv (Tucker or rows and columns), MatMul and Gemm (low rank) under one budget where that is smaller and not slower.',
  options: factorizationSchema,
  needs: ['inference'],
  run: (model, options, context) => factorize(model, ['tucker', 'spatial', 'low-rank'], operators, options, context),
});
