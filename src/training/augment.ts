// Varies images as the training of classifiers does: mirrored at random, shifted by up to an eighth with zeros from outside.
import type { Feeds } from '../engine/index.js';
import type { Random } from '../numeric/index.js';
import { float32Tensor, type Tensor } from '../tensor/index.js';

export type Augmentation = 'flip' | 'crop';

/** Changes float32 inputs [n, channels, height, width]; other inputs stay. */
export function augment(feeds: Feeds, kinds: ReadonlySet<Augmentation>, random: Random): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      const isImage = tensor.dataType === 'float32' && tensor.shape.length === 4;
      return [name, isImage ? augmentImages(tensor, kinds, random) : tensor];
    }),
  );
}

function augmentImages(tensor: Tensor, kinds: ReadonlySet<Augmentation>, random: Random): Tensor {
  const [n, channels, height, width] = tensor.shape;
  const from = tensor.readFloat32();
  const to = new Float32Array(from.length);
  const shift = (length: number): number => {
    const most = Math.floor(length / 8);
    return kinds.has('crop') ? random.int(2 * most + 1) - most : 0;
  };
  for (let image = 0; image < n; image++) {
    const [dy, dx] = [shift(height), shift(width)];
    const mirrored = kinds.has('flip') && random.int(2) === 1;
    for (let c = 0; c < channels; c++) {
      const plane = (image * channels + c) * height * width;
      for (let y = 0; y < height; y++) {
        const sourceY = y + dy;
        if (sourceY < 0 || sourceY >= height) continue;
        for (let x = 0; x < width; x++) {
          const sourceX = (mirrored ? width - 1 - x : x) + dx;
          if (sourceX < 0 || sourceX >= width) continue;
          to[plane + y * width + x] = from[plane + sourceY * width + sourceX];
        }
      }
    }
  }
  return float32Tensor(tensor.shape, to);
}
