// Resizing of 8-bit images, bit for bit as Pillow does it (src/libImaging/Resample.c): separable filters widened when an image
// shrinks, 22-bit fixed-point coefficients, rows first and the result rounded to 8 bits, then columns.

export const resampleFilters = ['nearest', 'bilinear', 'bicubic', 'lanczos', 'box', 'hamming'] as const;
export type ResampleFilter = (typeof resampleFilters)[number];

/** Interleaved 8-bit pixels: height × width × channels. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

interface Filter {
  readonly support: number;
  weight(x: number): number;
}

const filters: Readonly<Record<Exclude<ResampleFilter, 'nearest'>, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight(x) {
      const t = Math.abs(x);
      if (t === 0) return 1;
      return t >= 1 ? 0 : (Math.sin(t * Math.PI) / (t * Math.PI)) * (0.54 + 0.46 * Math.cos(t * Math.PI));
    },
  },
  bicubic: {
    support: 2,
    weight(x) {
      const a = -0.5;
      const t = Math.abs(x);
      if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

export function resizePixels(image: Pixels, height: number, width: number, filter: ResampleFilter): Pixels {
  if (image.height === height && image.width === width) return image;
  if (filter === 'nearest') return nearest(image, height, width);
  const rows = image.width === width ? image : resizeRows(image, width, filters[filter]);
  return rows.height === height ? rows : resizeColumns(rows, height, filters[filter]);
}

/** The part of height × width in the middle; what lies outside of the image is 0. */
export function cropCentre(image: Pixels, height: number, width: number): Pixels {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const data = new Uint8Array(height * width * channels);
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  const from = Math.max(0, left);
  const to = Math.min(image.width, left + width);
  for (let y = Math.max(0, -top); y < height && y + top < image.height; y++) {
    const row = (y + top) * image.width;
    data.set(image.data.subarray((row + from) * channels, (row + to) * channels), (y * width + from - left) * channels);
  }
  return { data, height, width, channels };
}

const precisionBits = 22;

/** For each output position: the first input position, how many, and their fixed-point weights (`stride` apart). */
interface Coefficients {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

function coefficients(inputSize: number, outputSize: number, filter: Filter): Coefficients {
  const scale = inputSize / outputSize;
  const filterScale = Math.max(1, scale);
  const support = filter.support * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(outputSize);
  const counts = new Int32Array(outputSize);
  const weights = new Int32Array(outputSize * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < outputSize; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(inputSize, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      exact[k] = filter.weight((k + start - centre + 0.5) * (1 / filterScale));
      sum += exact[k];
    }
    for (let k = 0; k < count; k++) {
      const weight = (sum === 0 ? exact[k] : exact[k] / sum) * (1 << precisionBits);
      weights[i * stride + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, weights, stride };
}

const half = 1 << (precisionBits - 1);

function clip(sum: number): number {
  return Math.max(0, Math.min(sum >> precisionBits, 255));
}

function resizeRows({ data, width, height, channels }: Pixels, outputWidth: number, filter: Filter): Pixels {
  const { starts, counts, weights, stride } = coefficients(width, outputWidth, filter);
  const result = new Uint8Array(height * outputWidth * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < outputWidth; x++) {
      const first = (y * width + starts[x]) * channels;
      const count = counts[x];
      for (let c = 0; c < channels; c++) {
        let sum = half;
        for (let k = 0, at = first + c; k < count; k++, at += channels) sum += data[at] * weights[x * stride + k];
        result[(y * outputWidth + x) * channels + c] = clip(sum);
      }
    }
  }
  return { data: result, width: outputWidth, height, channels };
}

function resizeColumns({ data, width, height, channels }: Pixels, outputHeight: number, filter: Filter): Pixels {
  const { starts, counts, weights, stride } = coefficients(height, outputHeight, filter);
  const row = width * channels;
  const result = new Uint8Array(outputHeight * row);
  const sums = new Int32Array(row);
  for (let y = 0; y < outputHeight; y++) {
    sums.fill(half);
    for (let k = 0; k < counts[y]; k++) {
      const weight = weights[y * stride + k];
      const from = (starts[y] + k) * row;
      for (let i = 0; i < row; i++) sums[i] += data[from + i] * weight;
    }
    for (let i = 0; i < row; i++) result[y * row + i] = clip(sums[i]);
  }
  return { data: result, width, height: outputHeight, channels };
}

/** The pixel whose area holds the centre of the output pixel (Pillow's Geometry.c). */
function nearest({ data, width, height, channels }: Pixels, outputHeight: number, outputWidth: number): Pixels {
  const result = new Uint8Array(outputHeight * outputWidth * channels);
  const rows = nearestPositions(height, outputHeight);
  const columns = nearestPositions(width, outputWidth);
  for (let y = 0, to = 0; y < outputHeight; y++) {
    for (let x = 0; x < outputWidth; x++) {
      const from = (rows[y] * width + columns[x]) * channels;
      for (let c = 0; c < channels; c++) result[to++] = data[from + c];
    }
  }
  return { data: result, width: outputWidth, height: outputHeight, channels };
}

/** Step by step, because sums round otherwise than products where a centre falls on an edge. */
function nearestPositions(size: number, outputSize: number): Int32Array {
  const step = size / outputSize;
  let position = step * 0.5;
  return Int32Array.from({ length: outputSize }, () => {
    const index = Math.trunc(position);
    position += step;
    return index;
  });
}
