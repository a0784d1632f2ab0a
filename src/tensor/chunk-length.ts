// How tensors are streamed.

/** Most bytes of the pieces that tensors are streamed in; a multiple of every element width, and little enough for the caches. */
export const chunkLength = 1 << 20;
