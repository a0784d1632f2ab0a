// preprocessor_config.json: what an image processor of Hugging Face transformers does, as far as it is resizing, cropping,
// rescaling and normalizing. Names of fields and their defaults are those of the library.
import { usageError } from '../../errors.js';
import type { ImageResize, ImageSize } from './image-recipe.js';
import type { ResampleFilter } from './resample.js';

export interface ProcessorConfig {
  readonly resize: ImageResize;
  readonly crop: ImageSize | null;
  readonly filter: ResampleFilter | null;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly bgr: boolean;
  /** Height and width of what comes out, where they do not depend on the image. */
  readonly finalSize: ImageSize | null;
}

/** PIL.Image.Resampling. */
const filters: readonly ResampleFilter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

interface RawConfig {
  readonly do_resize?: boolean;
  readonly size?: number | Partial<Record<'height' | 'width' | 'shortest_edge' | 'longest_edge', number>>;
  readonly resample?: number;
  readonly crop_pct?: number | null;
  readonly do_center_crop?: boolean;
  readonly crop_size?: number | ImageSize;
  readonly do_rescale?: boolean;
  readonly rescale_factor?: number;
  readonly do_normalize?: boolean;
  readonly image_mean?: readonly number[];
  readonly image_std?: readonly number[];
  readonly do_flip_channel_order?: boolean;
  readonly do_pad?: boolean;
  readonly pad_size?: unknown;
}

/** Throws USAGE for what would change the image in ways that are not done here. */
export function readProcessorConfig(text: string, path: string): ProcessorConfig {
  let raw: RawConfig;
  try {
    raw = JSON.parse(text) as RawConfig;
  } catch (cause) {
    throw usageError(`${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (raw.do_pad && raw.pad_size) {
    throw usageError(
      `${path} pads images to a fixed size, which dsopt does not do`,
      'Describe the images with --image-* options.',
    );
  }
  const crop = raw.do_center_crop && raw.crop_size !== undefined ? square(raw.crop_size) : null;
  const { resize, crop: cropOfResize } = raw.do_resize === false ? noResize : readResize(raw, path);
  const finalCrop = crop ?? cropOfResize;
  return {
    resize,
    crop: finalCrop,
    filter: raw.resample === undefined ? null : (filters[raw.resample] ?? null),
    scale: raw.do_rescale === false ? 1 : (raw.rescale_factor ?? 1 / 255),
    mean: raw.do_normalize === false ? [0] : (raw.image_mean ?? [0]),
    std: raw.do_normalize === false ? [1] : (raw.image_std ?? [1]),
    bgr: raw.do_flip_channel_order ?? false,
    finalSize: finalCrop ?? (resize.kind === 'exact' ? { height: resize.height, width: resize.width } : null),
  };
}

const noResize = { resize: { kind: 'none' }, crop: null } as const;

function readResize(raw: RawConfig, path: string): { readonly resize: ImageResize; readonly crop: ImageSize | null } {
  const { size, crop_pct: cropPart } = raw;
  if (size === undefined) return noResize;
  const edge = typeof size === 'number' ? size : size.shortest_edge;
  if (edge !== undefined && cropPart !== undefined && cropPart !== null && edge < 384) {
    // ConvNext: the short side to size / crop_pct, then the centre of size; from 384 on, resized without a crop.
    return { resize: { kind: 'short-side', size: Math.trunc(edge / cropPart) }, crop: { height: edge, width: edge } };
  }
  if (edge !== undefined && cropPart) return { resize: { kind: 'exact', height: edge, width: edge }, crop: null };
  if (typeof size === 'number') {
    // Before sizes had names, a number meant the short side for processors that crop and a square for the others.
    const resize: ImageResize = raw.do_center_crop
      ? { kind: 'short-side', size }
      : { kind: 'exact', height: size, width: size };
    return { resize, crop: null };
  }
  if (size.height && size.width)
    return { resize: { kind: 'exact', height: size.height, width: size.width }, crop: null };
  if (edge !== undefined && size.longest_edge === undefined)
    return { resize: { kind: 'short-side', size: edge }, crop: null };
  throw usageError(
    `${path} resizes to ${JSON.stringify(size)}, which dsopt does not do`,
    'Describe the images with --image-size or --image-short-side.',
  );
}

function square(size: number | ImageSize): ImageSize {
  return typeof size === 'number' ? { height: size, width: size } : { height: size.height, width: size.width };
}
