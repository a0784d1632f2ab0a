// How an image becomes an input: size, crop, channels, scale and layout, from options, from the model's
// preprocessor_config.json (Hugging Face image processors) and from the shape of the input, in this order.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ValueInfo } from '../../engine/index.js';
import { ioError, usageError } from '../../errors.js';
import type { DataType } from '../../tensor/index.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface } from '../dataset.js';
import { formatInput } from '../fit.js';
import { type ProcessorConfig, readProcessorConfig } from './processor-config.js';
import type { ResampleFilter } from './resample.js';

export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

export type ImageResize =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'exact' } & ImageSize)
  | { readonly kind: 'short-side'; readonly size: number; readonly longSide?: 'down' | 'nearest' };

/** Plain data, so that a worker thread can follow it. */
export interface ImageRecipe {
  readonly input: string;
  readonly resize: ImageResize;
  readonly filter: ResampleFilter;
  /** null: what resizing left. */
  readonly crop: ImageSize | null;
  readonly channels: 'rgb' | 'bgr' | 'gray';
  /** Value of a pixel: (pixel × scale − mean) / std, one mean and std a channel in the order of `channels`. */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Where the channels are; 'flat' is NCHW in another shape. */
  readonly layout: 'nchw' | 'nhwc' | 'flat';
  /** Of the tensor where the layout does not tell it; null otherwise. */
  readonly shape: readonly number[] | null;
  /** Whether the tensor has a batch axis. */
  readonly batched: boolean;
  readonly dataType: DataType;
}

/** Throws USAGE when the model has no input for images, or not enough is known of it. */
export function imageRecipe(model: ModelInterface, options: ParsedDataOptions): ImageRecipe {
  const input = imageInput(model);
  const { dataType } = input.type;
  const config = findConfig(model, options);
  const shape = readInputShape(input, options);
  const size = parseSize(options.imageSize) ?? shape.size ?? config?.finalSize ?? null;
  if (shape.size && size && (shape.size.height !== size.height || shape.size.width !== size.width)) {
    throw usageError(
      `Input ${formatInput(input)} takes images of ${shape.size.height}x${shape.size.width}, not ${size.height}x${size.width}`,
      'Leave --image-size away, or choose --image-short-side to crop.',
    );
  }
  const channels = options.imageChannels ?? (shape.channels === 1 ? 'gray' : config?.bgr ? 'bgr' : 'rgb');
  const count = channels === 'gray' ? 1 : 3;
  if (shape.channels !== null && shape.channels !== count) {
    throw usageError(
      `Input ${formatInput(input)} has ${shape.channels} channels, and images give ${count} (${channels})`,
      'Prepare the inputs yourself: an .npz file, or a module that yields feeds.',
    );
  }
  const integers = !dataType.startsWith('float');
  return {
    input: input.name,
    ...resizing(size, config, options),
    filter: options.imageResample ?? config?.filter ?? 'bilinear',
    channels,
    scale: options.imageScale ?? (integers ? 1 : (config?.scale ?? 1 / 255)),
    mean: perChannel('--image-mean', options.imageMean ?? (integers ? [0] : (config?.mean ?? [0])), count),
    std: perChannel('--image-std', options.imageStd ?? (integers ? [1] : (config?.std ?? [1])), count),
    layout: shape.layout,
    shape: shape.flat,
    batched: shape.batched,
    dataType,
  };
}

function imageInput(model: ModelInterface): ValueInfo & { readonly type: NonNullable<ValueInfo['type']> } {
  const [input, ...others] = model.inputs;
  if (!input?.type) throw usageError(`The model has no input for images: ${model.inputs.map(formatInput).join(', ')}`);
  if (others.length > 0) {
    throw usageError(
      `A folder of images feeds one input, but the model has ${model.inputs.length}: ${model.inputs.map(formatInput).join(', ')}`,
      'Prepare the inputs yourself: an .npz file with one array an input, or a module that yields feeds.',
    );
  }
  if (!/^(float32|float16|float64|u?int8|u?int16|int32)$/.test(input.type.dataType)) {
    throw usageError(`Input ${formatInput(input)} does not take images`);
  }
  return input as ValueInfo & { readonly type: NonNullable<ValueInfo['type']> };
}

function findConfig(model: ModelInterface, options: ParsedDataOptions): ProcessorConfig | null {
  const beside = model.folder === null ? null : join(model.folder, 'preprocessor_config.json');
  const path = options.imageConfig ?? (beside !== null && existsSync(beside) ? beside : null);
  if (path === null) return null;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  return readProcessorConfig(text, path);
}

interface InputShape {
  readonly layout: ImageRecipe['layout'];
  readonly channels: number | null;
  readonly size: ImageSize | null;
  /** Shape of a flattened image. */
  readonly flat: readonly number[] | null;
  readonly batched: boolean;
}

function readInputShape(input: ValueInfo, options: ParsedDataOptions): InputShape {
  const dims = input.type?.shape ?? null;
  const known = (dim: unknown): number | null => (typeof dim === 'number' && dim > 0 ? dim : null);
  if (dims && (dims.length === 3 || dims.length === 4)) {
    const [first, second, third] = dims.slice(-3).map(known);
    const last = (third === 3 || third === 1) && !(first === 3 || first === 1);
    const [channels, height, width] = last ? [third, first, second] : [first, second, third];
    // [N, 784, 1] is a flattened image, not one of 784 channels.
    if (!(dims.length === 3 && known(dims[2]) === 1)) {
      return {
        layout: last ? 'nhwc' : 'nchw',
        channels,
        size: height && width ? { height, width } : null,
        flat: null,
        batched: dims.length === 4,
      };
    }
  }
  const size = parseSize(options.imageSize);
  const elements = dims?.slice(1).reduce<number>((product, dim) => product * (known(dim) ?? Number.NaN), 1);
  if (dims && size && elements && elements % (size.height * size.width) === 0) {
    const channels = elements / (size.height * size.width);
    return { layout: 'flat', channels, size, flat: [1, ...dims.slice(1).map(Number)], batched: true };
  }
  throw usageError(
    `Input ${formatInput(input)} is not shaped like an image`,
    'Name the height and width of a flattened image with --image-size, or prepare the inputs in an .npz file.',
  );
}

function resizing(
  size: ImageSize | null,
  config: ProcessorConfig | null,
  options: ParsedDataOptions,
): Pick<ImageRecipe, 'resize' | 'crop'> {
  if (options.imageShortSide !== undefined) {
    const longSide = options.imageLongSide;
    return { resize: { kind: 'short-side', size: options.imageShortSide, longSide }, crop: size };
  }
  // What the config says holds unless a size of the user says otherwise.
  if (config && options.imageSize === undefined) {
    const crop = config.crop ?? (config.resize.kind === 'exact' ? null : size);
    return { resize: config.resize, crop };
  }
  return size ? { resize: { kind: 'exact', ...size }, crop: null } : { resize: { kind: 'none' }, crop: null };
}

function parseSize(size: ParsedDataOptions['imageSize']): ImageSize | null {
  if (size === undefined) return null;
  const [height, width = height] = String(size).split('x').map(Number);
  return { height, width };
}

function perChannel(option: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length === channels) return values;
  if (values.length === 1) return new Array<number>(channels).fill(values[0]);
  throw usageError(`${option} has ${values.length} values for ${channels} channels`);
}
