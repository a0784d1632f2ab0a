import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DataOptions, type ModelInterface, openDataset } from '../../src/data/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { collect, modelInterface } from './model-interfaces.js';

const root = temporaryFolder();
const classes = join(root, 'classes');
const listed = join(root, 'listed');

/** A PNG of one colour. */
function png(path: string, [r, g, b]: readonly number[], size = 4): Promise<unknown> {
  return sharp({ create: { width: size, height: size, channels: 3, background: { r, g, b } } })
    .png()
    .toFile(path);
}

beforeAll(async () => {
  for (const folder of ['cat', 'dog']) mkdirSync(join(classes, folder), { recursive: true });
  mkdirSync(listed);
  await png(join(classes, 'dog', 'b.png'), [255, 0, 51]);
  await png(join(classes, 'cat', 'a.png'), [0, 102, 204]);
  await png(join(classes, 'dog', 'a.png'), [10, 20, 30]);
  await png(join(listed, 'x.png'), [1, 2, 3]);
  await png(join(listed, 'y.png'), [4, 5, 6]);
  writeFileSync(join(listed, 'labels.csv'), 'file,label\n"y.png",17\nx.png,3\n');
});

const nchw = modelInterface({ image: ['float32', ['N', 3, 4, 4]] });

async function read(path: string, options: DataOptions, model: ModelInterface = nchw, batch = 1) {
  const dataset = await openDataset(path, options, model);
  const samples = await collect(dataset.samples(batch));
  const labels = samples.flatMap(({ targets }) => (targets?.kind === 'classes' ? [...targets.values] : [null]));
  const tensors = samples.map(({ feeds }) => Object.values(feeds)[0]);
  return { dataset, samples, labels, tensors };
}

describe('many images', () => {
  const folder = join(root, 'many');
  const level = (index: number): number => (index * 37) % 256;

  beforeAll(async () => {
    mkdirSync(folder);
    for (let i = 0; i < 70; i++)
      await png(join(folder, `${String(i).padStart(2, '0')}.png`), [level(i), level(i), level(i)]);
  });

  it('are prepared in groups, in their order', async () => {
    const { tensors } = await read(folder, {});
    expect(tensors.map((tensor) => Math.round(tensor.readFloat32()[0] * 255))).toEqual(
      Array.from({ length: 70 }, (_, index) => level(index)),
    );
  });

  it('name the one that cannot be read', async () => {
    writeFileSync(join(folder, '50.png'), 'no image');
    await expect(read(folder, {})).rejects.toThrow(/Cannot decode the image .*50\.png/);
  });
});

it('rounds the long side as asked', async () => {
  const folder = join(root, 'wide');
  mkdirSync(folder);
  await sharp({ create: { width: 10, height: 7, channels: 3, background: '#123456' } })
    .png()
    .toFile(join(folder, 'a.png'));
  const anySize = modelInterface({ image: ['float32', ['N', 3, 'h', 'w']] });
  // 4 × 10 / 7 = 5.7
  expect((await read(folder, { imageShortSide: 4 }, anySize)).tensors[0].shape).toEqual([1, 3, 4, 5]);
  const nearest = await read(folder, { imageShortSide: 4, imageLongSide: 'nearest' }, anySize);
  expect(nearest.tensors[0].shape).toEqual([1, 3, 4, 6]);
});

describe('class folders', () => {
  it('are labels in the order of their names, files in theirs', async () => {
    const { dataset, labels, tensors } = await read(classes, {});
    expect(dataset.classNames).toEqual(['cat', 'dog']);
    expect(dataset.size).toBe(3);
    expect(labels).toEqual([0, 1, 1]);
    expect(tensors.map((tensor) => Math.round(tensor.readFloat32()[0] * 255))).toEqual([0, 10, 255]);
  });

  it('take their indices from a list of class names', async () => {
    const names = join(root, 'names.txt');
    writeFileSync(names, 'bird\ndog\ncat\n');
    expect((await read(classes, { classNames: names })).labels).toEqual([2, 1, 1]);
  });

  it('are spread evenly, or taken in a seeded order', async () => {
    expect((await read(classes, { samples: 2 })).labels).toEqual([0, 1]);
    const first = await read(classes, { shuffle: true });
    const second = await read(classes, { shuffle: true });
    expect(second.tensors.map((tensor) => [...tensor.bytes()])).toEqual(
      first.tensors.map((tensor) => [...tensor.bytes()]),
    );
  });
});

describe('a table of labels', () => {
  it('names the files and their order', async () => {
    const { labels, tensors } = await read(listed, {});
    expect(labels).toEqual([17, 3]);
    expect(Math.round(tensors[0].readFloat32()[0] * 255)).toBe(4);
  });
});

describe('pixels', () => {
  it('are scaled and normalized in float32, channels first', async () => {
    const { tensors } = await read(classes, { samples: 1, imageMean: '.5,.4,.3', imageStd: [0.5, 0.25, 2] });
    const values = tensors[0].readFloat32();
    const f = Math.fround;
    const expected = [
      f(f(0 - f(0.5)) / f(0.5)),
      f(f(f(102 / 255) - f(0.4)) / f(0.25)),
      f(f(f(204 / 255) - f(0.3)) / f(2)),
    ];
    expect([values[0], values[16], values[32]]).toEqual(expected);
  });

  it('come channels last, reversed, as bytes, where the model or the options say so', async () => {
    const bytes = modelInterface({ image: ['uint8', [1, 4, 4, 3]] });
    const { tensors } = await read(classes, { samples: 1, imageChannels: 'bgr' }, bytes);
    expect([...tensors[0].bytes().subarray(0, 3)]).toEqual([204, 102, 0]);
    expect(tensors[0].shape).toEqual([1, 4, 4, 3]);
  });

  it('become gray for one channel, and flat where the input is', async () => {
    const gray = modelInterface({ x: ['float32', ['N', 16]] });
    const { tensors } = await read(classes, { samples: 1, imageSize: 4, imageScale: 1 }, gray);
    expect(tensors[0].shape).toEqual([1, 16]);
    // (0 · 19595 + 102 · 38470 + 204 · 7471 + 2^15) >> 16
    expect(tensors[0].readFloat32()[5]).toBe(83);
  });

  it('keep the size of the image where the model takes any', async () => {
    const any = modelInterface({ x: ['float32', [1, 3, 'H', 'W']] });
    expect((await read(listed, { samples: 1 }, any)).tensors[0].shape).toEqual([1, 3, 4, 4]);
  });
});

describe('preprocessor_config.json', () => {
  it('says how images are resized, cropped and normalized', async () => {
    const folder = join(root, 'model');
    mkdirSync(folder, { recursive: true });
    const config = {
      do_resize: true,
      size: { shortest_edge: 6 },
      resample: 3,
      do_center_crop: true,
      crop_size: { height: 4, width: 2 },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      do_flip_channel_order: true,
    };
    writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(config));
    const model = { ...modelInterface({ x: ['float32', ['N', 3, 'H', 'W']] }), folder };
    const { tensors } = await read(classes, { samples: 1 }, model);
    expect(tensors[0].shape).toEqual([1, 3, 4, 2]);
    const values = tensors[0].readFloat32();
    expect([values[0], values[8], values[16]].map((value) => Math.round((value + 1) * 127.5))).toEqual([204, 102, 0]);
  });
});

describe('batches', () => {
  it('hold as many as wanted and a rest', async () => {
    const { samples } = await read(classes, {}, nchw, 2);
    expect(samples.map(({ count, feeds }) => [count, feeds.image.shape[0]])).toEqual([
      [2, 2],
      [1, 1],
    ]);
  });

  it('are of one where the batch axis says so, and filled up where it is longer', async () => {
    const one = modelInterface({ image: ['float32', [1, 3, 4, 4]] });
    expect((await read(classes, {}, one, 8)).samples.map(({ count }) => count)).toEqual([1, 1, 1]);
    const four = modelInterface({ image: ['float32', [4, 3, 4, 4]] });
    const { samples, labels } = await read(classes, {}, four);
    expect(samples.map(({ count, feeds }) => [count, feeds.image.shape[0]])).toEqual([[3, 4]]);
    expect(labels).toEqual([0, 1, 1]);
  });
});

describe('what does not fit', () => {
  it.each([
    [
      'another size',
      modelInterface({ image: ['float32', ['N', 3, 8, 8]] }),
      { imageSize: 4 },
      /image: float32\[N,3,8,8\] takes images of 8x8, not 4x4/,
    ],
    [
      'another number of channels',
      modelInterface({ image: ['float32', ['N', 4, 8, 8]] }),
      {},
      /image: float32\[N,4,8,8\] has 4 channels/,
    ],
    ['no image', modelInterface({ ids: ['float32', ['N', 7]] }), {}, /ids: float32\[N,7\] is not shaped like an image/],
    ['several inputs', modelInterface({ a: ['float32', ['N', 3, 4, 4]], b: ['float32', [1]] }), {}, /b: float32\[1\]/],
  ] as const)('%s', async (_, model, options, message) => {
    await expect(read(classes, options, model)).rejects.toThrow(message);
  });

  it('a file that is no image', async () => {
    const folder = join(root, 'broken');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'a.png'), 'no image');
    await expect(read(folder, {})).rejects.toThrow(/Cannot decode the image .*a\.png/);
  });
});
