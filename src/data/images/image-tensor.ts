// Pixels into the tensor of an input: resized, cropped, scaled, normalized and laid out as a recipe says.
import { float32ToFloat16 } from '../../numeric/index.js';
import { MemoryTensor, type Tensor, type TypedArray } from '../../tensor/index.js';
import type { ImageRecipe } from './image-recipe.js';
import { cropCentre, type Pixels, resizePixels } from './resample.js';

type Write = (pixels: Pixels) => Tensor;

/** The result turns decoded images into tensors of one example. */
export function imageTensorWriter(recipe: ImageRecipe): Write {
  const tables = valueTables(recipe);
  const { layout, dataType } = recipe;
  return (image) => {
    const { data, width, height, channels } = fitPixels(image, recipe);
    const area = width * height;
    const values = createArray(recipe, area * channels);
    for (let c = 0; c < channels; c++) {
      const table = tables[c];
      const source = recipe.channels === 'bgr' ? channels - 1 - c : c;
      const [start, step] = layout === 'nhwc' ? [c, channels] : [c * area, 1];
      for (let i = 0, from = source, to = start; i < area; i++, from += channels, to += step)
        values[to] = table[data[from]];
    }
    return new MemoryTensor(dataType, shapeOf(recipe, height, width, channels), values);
  };
}

function shapeOf({ shape, layout, batched }: ImageRecipe, height: number, width: number, channels: number) {
  if (shape) return shape;
  const image = layout === 'nhwc' ? [height, width, channels] : [channels, height, width];
  return batched ? [1, ...image] : image;
}

function fitPixels(image: Pixels, { resize, crop, filter }: ImageRecipe): Pixels {
  let pixels = image;
  if (resize.kind === 'exact') pixels = resizePixels(image, resize.height, resize.width, filter);
  else if (resize.kind === 'short-side') {
    const { size, longSide } = resize;
    const { width, height } = image;
    const exact = (size * Math.max(width, height)) / Math.min(width, height);
    const long = longSide === 'nearest' ? Math.round(exact) : Math.trunc(exact);
    pixels = height < width ? resizePixels(image, size, long, filter) : resizePixels(image, long, size, filter);
  }
  return crop ? cropCentre(pixels, crop.height, crop.width) : pixels;
}

/** The value of each of the 256 levels, a table for each channel; every step in float32, as numpy computes it. */
function valueTables({ scale, mean, std, dataType }: ImageRecipe): readonly Float64Array[] {
  const f = Math.fround;
  // numpy users divide by 255: multiplying by its rounded reciprocal differs in the last bit.
  const divisor = Math.round(1 / scale);
  const divides = divisor >= 1 && Math.abs(divisor * scale - 1) < 1e-12;
  return mean.map((mean, c) =>
    Float64Array.from({ length: 256 }, (_, level) => {
      const scaled = divides ? f(level / divisor) : f(level * f(scale));
      const value = f(f(scaled - f(mean)) / f(std[c]));
      if (dataType === 'float16') return float32ToFloat16(value);
      return dataType.startsWith('float') ? value : Math.round(value);
    }),
  );
}

function createArray({ dataType }: ImageRecipe, length: number): Exclude<TypedArray, BigInt64Array | BigUint64Array> {
  switch (dataType) {
    case 'float64':
      return new Float64Array(length);
    case 'float16':
    case 'uint16':
      return new Uint16Array(length);
    case 'uint8':
      return new Uint8Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'int16':
      return new Int16Array(length);
    case 'int32':
      return new Int32Array(length);
    default:
      return new Float32Array(length);
  }
}
