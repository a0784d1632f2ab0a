// Images of a folder, decoded and prepared as the model wants them.
import { extname } from 'node:path';
import { usageError } from '../../errors.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface } from '../dataset.js';
import { listLabelled } from '../labelled-files.js';
import { classTarget, example, type IndexedSource } from '../source.js';
import { decodeImage, imageExtensions } from './decode.js';
import { imageRecipe } from './image-recipe.js';
import { imageTensorWriter } from './image-tensor.js';

export async function openImages(
  path: string,
  options: ParsedDataOptions,
  model: ModelInterface,
): Promise<IndexedSource> {
  const recipe = imageRecipe(model, options);
  const writeTensor = imageTensorWriter(recipe);
  const listed = await listLabelled(path, options, isImage);
  if (listed.files.length === 0) {
    throw usageError(`${path} holds no images`, `Images end in ${imageExtensions.join(', ')}.`);
  }
  return {
    kind: 'images',
    noun: `images of ${path}`,
    size: listed.files.length,
    classNames: listed.classNames,
    async read(index) {
      const { file, label } = listed.files[index];
      const pixels = await decodeImage(file, recipe.channels === 'gray');
      return [example({ [recipe.input]: writeTensor(pixels) }, label === null ? null : classTarget(label))];
    },
  };
}

export function isImage(name: string): boolean {
  return imageExtensions.includes(extname(name).toLowerCase());
}
