// Facts about operators.

export { byOperator } from './by-operator.js';
export { clipBounds } from './clip-bounds.js';
export { type ConstantSource, constantSource } from './constant-source.js';
export { isMultiplying, macsOf, type ShapeOf } from './macs.js';
export { raiseOpset, whyNotRaised } from './opset-changes.js';
export { tensorOfConstant } from './tensor-of-constant.js';
