// Exact rescaling of channels between what computes an activation and what takes it, so that eight bits hold it better.
export type { ScalePair } from './scale-pairs.js';
export { smoothChannels } from './smooth.js';
