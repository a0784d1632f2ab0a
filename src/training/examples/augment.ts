// Varies what is trained on. Images: mirrored, shifted by up to an eighth, a square of zeros (Cutout: DeVries and Taylor 2017), mixed in pairs (mixup: Zhang et al.
// 2018; CutMix: Yun et al. 2019). Texts: words replaced by the token that stands for unknown or masked ones (Devlin et al. 2019).
import type { Feeds } from '../../engine/index.js';
import type { Random } from '../../numeric/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../../tensor/index.js';

export const augmentations = ['flip', 'crop', 'cutout', 'mixup', 'cutmix', 'mask'] as const;
export type Augmentation = (typeof augmentations)[number];

/** `flip,crop` as a set; null for words that are none. `auto` is what suits the examples, `none` nothing. */
export function parseAugmentations(text: string): ReadonlySet<Augmentation> | 'auto' | null {
  if (text === 'auto') return 'auto';
  if (text === 'none' || text === '') return new Set();
  const kinds = text.split(',').map((word) => augmentations.find((known) => known === word));
  return kinds.every((kind) => kind !== undefined) ? new Set(kinds) : null;
}

export interface AugmentOptions {
  readonly kinds: ReadonlySet<Augmentation>;
  /** What `mask` writes; null where no token is known. */
  readonly maskToken: bigint | null;
}

/** Share of the tokens that `mask` replaces. */
const maskedShare = 0.15;

/** Changes float32 inputs [n, channels, height, width] and int64 inputs of token ids [n, length]; other inputs stay. */
export function augment(feeds: Feeds, { kinds, maskToken }: AugmentOptions, random: Random): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      if (tensor.dataType === 'float32' && tensor.shape.length === 4) {
        const varied = augmentImages(tensor, kinds, random);
        return [name, kinds.has('mixup') || kinds.has('cutmix') ? mixPairs(varied, kinds, random) : varied];
      }
      const isText = tensor.dataType === 'int64' && tensor.shape.length === 2 && /(^|_)ids?$/i.test(name);
      const masks = kinds.has('mask') && maskToken !== null && isText && !/type|position/i.test(name);
      return [name, masks ? maskTokens(tensor, maskToken, random) : tensor];
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
    const hole = kinds.has('cutout') ? drawHole(height, width, random) : null;
    for (let c = 0; c < channels; c++) {
      const plane = (image * channels + c) * height * width;
      for (let y = 0; y < height; y++) {
        const sourceY = y + dy;
        if (sourceY < 0 || sourceY >= height) continue;
        const holed = hole !== null && y >= hole.top && y < hole.bottom;
        for (let x = 0; x < width; x++) {
          const sourceX = (mirrored ? width - 1 - x : x) + dx;
          if (sourceX < 0 || sourceX >= width || (holed && x >= hole.left && x < hole.right)) continue;
          to[plane + y * width + x] = from[plane + sourceY * width + sourceX];
        }
      }
    }
  }
  return float32Tensor(tensor.shape, to);
}

/** A square of a quarter of the sides, around a pixel drawn from all. */
function drawHole(height: number, width: number, random: Random) {
  const [half, y, x] = [Math.max(1, Math.floor(Math.min(height, width) / 8)), random.int(height), random.int(width)];
  return { top: y - half, bottom: y + half, left: x - half, right: x + half };
}

/**
 * Each image with the one at the other end of the batch, in a share of its own: share · image + (1 − share) · other, or a rectangle of the other in the image.
 * Whoever judges sees the mixture too.
 */
function mixPairs(tensor: Tensor, kinds: ReadonlySet<Augmentation>, random: Random): Tensor {
  const [n, channels, height, width] = tensor.shape;
  const from = tensor.readFloat32();
  const to = new Float32Array(from.length);
  const size = from.length / n;
  for (let image = 0; image < n; image++) {
    const [own, other] = [image * size, (n - 1 - image) * size];
    const share = random.next();
    const cuts = kinds.has('cutmix') && (!kinds.has('mixup') || random.int(2) === 1);
    if (!cuts) {
      for (let i = 0; i < size; i++) to[own + i] = share * from[own + i] + (1 - share) * from[other + i];
      continue;
    }
    const [top, bottom] = drawSpan(height, share, random);
    const [left, right] = drawSpan(width, share, random);
    for (let row = 0; row < channels * height; row++) {
      const y = row % height;
      for (let x = 0; x < width; x++) {
        const inside = y >= top && y < bottom && x >= left && x < right;
        to[own + row * width + x] = from[(inside ? other : own) + row * width + x];
      }
    }
  }
  return float32Tensor(tensor.shape, to);
}

/** Of a rectangle that leaves `share` of the image, around a pixel drawn from all. */
function drawSpan(length: number, share: number, random: Random): readonly [number, number] {
  const [half, centre] = [(Math.sqrt(1 - share) * length) / 2, random.int(length)];
  return [Math.round(centre - half), Math.round(centre + half)];
}

/** Leaves the first token of each row (which classifiers read) and padding (0) as they are. */
function maskTokens(tensor: Tensor, token: bigint, random: Random): Tensor {
  const [, length] = tensor.shape;
  const ids = tensor.readNumbers();
  const masked = [...ids].map((id, at) =>
    at % length === 0 || id === 0 || random.next() >= maskedShare ? id : Number(token),
  );
  return int64Tensor(tensor.shape, masked);
}
