// Differentiation of the IR: from a model to an ordinary ONNX graph that computes losses and gradients.
export { differentiate, findObstacles, type Obstacle } from './differentiate.js';
export { GraphBuilder, type Shape } from './graph-builder.js';
export { liftConstants } from './lift-constants.js';
export * from './losses/index.js';
export { recompute } from './recompute.js';
export { forgetDeclared, type SpecializedModel, specialize } from './specialize.js';
export { findStaticValues } from './static-values.js';
export { findTrainableWeights } from './trainable-weights.js';
export { makeWeightsInputs } from './weight-inputs.js';
