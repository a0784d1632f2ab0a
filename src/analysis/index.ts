// What is derived from a model.

export { type AttentionBlock, findAttentionBlocks } from './attention-blocks.js';
export { inferBodyTypes } from './body-types.js';
export {
  type ChannelGroup,
  type ChannelStructure,
  findChannelGroups,
  type GroupPart,
  keptAxes,
  refineTypes,
  removeUnits,
  zeroUnits,
} from './channel-groups/index.js';
export { countMacs, type MacCount } from './count-macs.js';
export { type LinearOperator, linearOperator, readBias, readRows, storeRows } from './linear-operator.js';
export { loadTimeNodes } from './load-time-nodes.js';
export { planSlices, type Slice, weightBytes } from './plan-slices.js';
export { inferProvenTypes } from './proven-types.js';
export {
  findAttention,
  findResidualBlocks,
  findResidualSums,
  type Gap,
  type ResidualBlock,
  removeBlocks,
} from './residual-blocks/index.js';
export { propagateShapes } from './shapes/propagate-shapes.js';
