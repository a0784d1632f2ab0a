// The operators that the engine knows: ONNX's name to forward operators of TensorFlow.js, and nothing else.
import type { OperatorTable } from '../operator.js';
import { convolutionOperators } from './convolution.js';
import { elementwiseOperators } from './elementwise.js';
import { indexingOperators } from './indexing.js';
import { layoutOperators } from './layout.js';
import { poolingOperators } from './pooling.js';
import { productOperators } from './products.js';
import { quantizationOperators } from './quantization.js';
import { reductionOperators } from './reductions.js';

export const operators: OperatorTable = {
  ...elementwiseOperators,
  ...productOperators,
  ...convolutionOperators,
  ...poolingOperators,
  ...layoutOperators,
  ...indexingOperators,
  ...reductionOperators,
  ...quantizationOperators,
};
