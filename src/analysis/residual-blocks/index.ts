// The blocks of residual networks: where they begin and end, and how they are left out.
export { findResidualBlocks, type ResidualBlock } from './find-residual-blocks.js';
export { type Gap, removeBlocks } from './remove-blocks.js';
export { findAttention, findResidualSums } from './residual-values.js';
