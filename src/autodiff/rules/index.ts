// All gradient rules by operator.
import type { Node } from '../../ir/index.js';
import { byOperator } from '../../ops/index.js';
import type { GradientRule, RuleTable } from '../rule.js';
import { arithmeticRules } from './arithmetic.js';
import { convolutionRules } from './convolution.js';
import { elementwiseRules } from './elementwise.js';
import { indexingRules } from './indexing.js';
import { layoutRules } from './layout.js';
import { normalizationRules } from './normalization.js';
import { poolingRules } from './pooling.js';
import { productRules } from './products.js';
import { quantizationRules } from './quantization.js';
import { reductionRules } from './reductions.js';
import { resizeRules } from './resize.js';

export const gradientRules: RuleTable = {
  ...arithmeticRules,
  ...convolutionRules,
  ...elementwiseRules,
  ...indexingRules,
  ...layoutRules,
  ...normalizationRules,
  ...poolingRules,
  ...productRules,
  ...quantizationRules,
  ...reductionRules,
  ...resizeRules,
};

export function ruleOf(node: Node): GradientRule | undefined {
  return byOperator(gradientRules, node.qualifiedType);
}
