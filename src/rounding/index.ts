// Weights rounded in the order in which a model computes with them, each fitted to what is left of the original on real samples.
export {
  type RoundedOperator,
  replaceConstant,
  replaceWeight,
  replaceWeights,
  restoredTensor,
  roundInOrder,
  roundingMeasure,
} from './round-in-order.js';
