// Image files into tensors, one by one or, in a worker thread, several at once: an engine that computes in the calling thread then
// finds the next images ready.
import { DsoptError } from '../../errors.js';
import type { Task } from '../../parallel/index.js';
import type { Tensor, TypedArray } from '../../tensor/index.js';
import { decodeImage } from './decode.js';
import type { ImageRecipe } from './image-recipe.js';
import { imageTensorWriter } from './image-tensor.js';

interface PrepareImagesInput {
  readonly files: readonly string[];
  readonly recipe: ImageRecipe;
}

interface PreparedImage {
  readonly shape: readonly number[];
  readonly values: TypedArray;
}

/** The result reads an image file into the tensor of one example. Throws IO when it cannot be read. */
export function createImageReader(recipe: ImageRecipe): (file: string) => Promise<Tensor> {
  const writeTensor = imageTensorWriter(recipe);
  return async (file) => writeTensor(await decodeImage(file, recipe.channels === 'gray'));
}

/** The images in the order of the files; null for those that cannot be read. */
export const prepareImagesTask: Task<PrepareImagesInput, (PreparedImage | null)[]> = {
  module: import.meta.url,
  exportName: 'prepareImagesTask',
  async run({ files, recipe }) {
    const readImage = createImageReader(recipe);
    const prepared: (PreparedImage | null)[] = [];
    for (const file of files) {
      try {
        const tensor = await readImage(file);
        prepared.push({ shape: tensor.shape, values: tensor.read() });
      } catch (error) {
        if (!(error instanceof DsoptError)) throw error;
        prepared.push(null);
      }
    }
    return prepared;
  },
};
