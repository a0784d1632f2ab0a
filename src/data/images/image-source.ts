// Images of a folder, decoded and prepared as the model wants them.

import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { usageError } from '../../errors.js';
import { createWorkers, type Workers } from '../../parallel/index.js';
import { MemoryTensor, type Tensor } from '../../tensor/index.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface, Sample } from '../dataset.js';
import { listLabelled } from '../labelled-files.js';
import { classTarget, example, type IndexedSource } from '../source.js';
import { imageExtensions } from './decode.js';
import { imageRecipe } from './image-recipe.js';
import { createImageReader, prepareImagesTask } from './prepare-images.js';

/** Threads that prepare images while the model runs in another one. */
const threads = Math.min(2, availableParallelism());

export async function openImages(
  path: string,
  options: ParsedDataOptions,
  model: ModelInterface,
): Promise<IndexedSource> {
  const recipe = imageRecipe(model, options);
  const readImage = createImageReader(recipe);
  let workers: Workers | null = null;
  const listed = await listLabelled(path, options, isImage);
  if (listed.files.length === 0) {
    throw usageError(`${path} holds no images`, `Images end in ${imageExtensions.join(', ')}.`);
  }
  const exampleOf = (tensor: Tensor, label: number | null): readonly Sample[] => [
    example({ [recipe.input]: tensor }, label === null ? null : classTarget(label)),
  ];
  return {
    kind: 'images',
    noun: `images of ${path}`,
    size: listed.files.length,
    classNames: listed.classNames,
    async read(index) {
      const { file, label } = listed.files[index];
      return exampleOf(await readImage(file), label);
    },
    async readTogether(indices) {
      workers ??= createWorkers(threads);
      const wanted = indices.map((index) => listed.files[index]);
      const prepared = await workers.run(prepareImagesTask, { files: wanted.map(({ file }) => file), recipe });
      return Promise.all(
        wanted.map(async ({ file, label }, i) => {
          const image = prepared[i];
          // Read here, what cannot be read gives its error.
          const tensor = image ? new MemoryTensor(recipe.dataType, image.shape, image.values) : await readImage(file);
          return exampleOf(tensor, label);
        }),
      );
    },
    close: async () => workers?.close(),
  };
}

export function isImage(name: string): boolean {
  return imageExtensions.includes(extname(name).toLowerCase());
}
