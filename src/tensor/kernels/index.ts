// Tensors computed from other tensors while they are read, piece by piece.
export { canCast, castTensor } from './cast.js';
export { reshapeTensor } from './reshape.js';
export { takeTensor } from './take.js';
export { canTranspose, transposeTensor } from './transpose.js';
