export {
  type Attribute,
  type AttributeTypeName,
  floatAttribute,
  graphsOf,
  intAttribute,
  intsAttribute,
  stringAttribute,
  tensorAttribute,
} from './attribute.js';
export { cloneGraph, cloneModel, cloneWithNodes } from './clone.js';
export { Graph } from './graph.js';
export { type LocalFunction, Model } from './model.js';
export { Node, type NodeInit } from './node.js';
export { nodeLabel } from './node-label.js';
export type { Opaque } from './opaque.js';
export { Scope } from './scope.js';
export { operandsOf } from './sort.js';
export { type FormatOptions, formatModel, type ParseOptions, parseModel } from './text/index.js';
export { type Use, Value } from './value.js';
export { type Dimension, formatType, type TensorType, tensorType, type ValueType } from './value-type.js';
export { verifyModel } from './verify.js';
