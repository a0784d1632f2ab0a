// The dependency graph of a model, and the groups of channels that can be removed.
export { type ChannelGroup, type ChannelStructure, findChannelGroups, type GroupPart } from './find-channel-groups.js';
export { refineTypes } from './refine-types.js';
export type { ConstantOperand, Relations } from './relations.js';
export { keptAxes, removeUnits } from './remove-units.js';
export { zeroUnits } from './zero-units.js';
