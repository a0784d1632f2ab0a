import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ModelInterface, openDataset } from '../../src/data/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { collect, modelInterface } from './model-interfaces.js';
import { type NumpyArray, npy, npz } from './numpy-files.js';

const root = temporaryFolder();
const model = modelInterface({ x: ['float32', ['N', 2]], ids: ['int64', ['N', 3]] });

const x: NumpyArray = { dataType: 'float32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const ids: NumpyArray = { dataType: 'int32', shape: [3, 3], data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9) };
const labels: NumpyArray = { dataType: 'int64', shape: [3], data: BigInt64Array.of(7n, 8n, 9n) };

function write(name: string, bytes: Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, bytes);
  return path;
}

async function read(path: string, to: ModelInterface = model, batch = 1) {
  const dataset = await openDataset(path, {}, to);
  const samples = await collect(dataset.samples(batch));
  await dataset.close();
  return samples;
}

describe('.npz', () => {
  it.each([false, true])(
    'feeds rows by input name, converted to the type of the input (compressed: %s)',
    async (compressed) => {
      const path = write(`all-${compressed}.npz`, npz({ x, ids, labels }, { compressed }));
      const samples = await read(path);
      expect(samples.map(({ feeds }) => [...feeds.x.readFloat32()])).toEqual([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      expect(samples.map(({ feeds }) => [feeds.ids.dataType, ...feeds.ids.shape, ...feeds.ids.readNumbers()])).toEqual([
        ['int64', 1, 3, 1, 2, 3],
        ['int64', 1, 3, 4, 5, 6],
        ['int64', 1, 3, 7, 8, 9],
      ]);
      expect(samples.map(({ targets }) => targets)).toMatchObject(
        [7, 8, 9].map((label) => ({ values: Int32Array.of(label) })),
      );
    },
  );

  it('leaves nothing in the temporary folder', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('dsopt-npz-'));
    await read(write('temporary.npz', npz({ x, ids }, { compressed: true })));
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('dsopt-npz-') && !before.includes(name))).toEqual([]);
  });

  it('joins rows into batches', async () => {
    const [first, second] = await read(write('batches.npz', npz({ x, ids, labels })), model, 2);
    expect([...first.feeds.x.shape, ...first.feeds.x.readFloat32()]).toEqual([2, 2, 1, 2, 3, 4]);
    expect(first.targets).toMatchObject({ values: Int32Array.of(7, 8) });
    expect(second.count).toBe(1);
  });

  it('takes arrays called like outputs as right outputs', async () => {
    const regression = modelInterface({ x: ['float32', ['N', 2]] }, { y: ['float32', ['N', 1]] });
    const y: NumpyArray = { dataType: 'float64', shape: [3, 1], data: Float64Array.of(0.5, 1, 2) };
    const samples = await read(write('outputs.npz', npz({ x, y })), regression);
    expect(
      samples.map(({ targets }) => (targets?.kind === 'tensors' ? targets.tensors.y.readFloat32()[0] : null)),
    ).toEqual([0.5, 1, 2]);
  });

  it('keeps inputs without a batch axis as they are', async () => {
    const stateful = modelInterface({ x: ['float32', ['N', 2]], state: ['float32', [2, 1]] });
    const state: NumpyArray = { dataType: 'float32', shape: [3, 2, 1], data: new Float32Array(6) };
    const samples = await read(write('state.npz', npz({ x, state })), stateful, 2);
    expect(samples.map(({ feeds }) => feeds.state.shape)).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
  });

  it('of a folder may differ in shape', async () => {
    const folder = join(root, 'ragged');
    mkdirSync(folder);
    const any = modelInterface({ x: ['float32', ['N', 'T']] });
    writeFileSync(join(folder, 'a.npz'), npz({ x }));
    writeFileSync(join(folder, 'b.npz'), npz({ x: { dataType: 'float32', shape: [1, 4], data: new Float32Array(4) } }));
    expect((await read(folder, any, 2)).map(({ feeds }) => feeds.x.shape)).toEqual([
      [2, 2],
      [1, 2],
      [1, 4],
    ]);
  });
});

describe('.npy', () => {
  it('feeds the only input, big-endian numbers too', async () => {
    const one = modelInterface({ anything: ['float32', ['N', 2]] });
    const swapped = Buffer.from(new Uint8Array(x.data.buffer).slice()).swap32();
    const data = new Float32Array(swapped.buffer, swapped.byteOffset, 6);
    const path = write('big-endian.npy', npy({ ...x, data }, { descr: '>f4' }));
    expect((await read(path, one)).map(({ feeds }) => [...feeds.anything.readFloat32()])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });

  it('of a folder feed the inputs they are called after', async () => {
    const folder = join(root, 'by-name');
    mkdirSync(folder);
    for (const [name, array] of Object.entries({ x, ids, labels }))
      writeFileSync(join(folder, `${name}.npy`), npy(array));
    const [sample] = await read(folder);
    expect(Object.keys(sample.feeds)).toEqual(['x', 'ids']);
    expect(sample.targets).toMatchObject({ values: Int32Array.of(7) });
  });
});

describe('what does not fit', () => {
  it.each([
    ['a missing input', { x }, /Input ids: int64\[N,3\] is not in the data, which has x/],
    [
      'another shape',
      { x: { ...x, shape: [2, 3] }, ids: { ...ids, shape: [2, 3], data: Int32Array.of(1, 2, 3, 4, 5, 6) } },
      /Input x expects float32\[N,2\], and the data gives float32\[1,3\]/,
    ],
    [
      'floats for integers',
      { x, ids: { dataType: 'float32', shape: [3, 3], data: new Float32Array(9) } },
      /Input ids: int64\[N,3\] cannot be fed with float32\[1,3\]/,
    ],
    [
      'arrays of different length',
      { x, ids: { ...ids, shape: [1, 9] } },
      /ids of .* has the shape \[1,9\], and others have 3 rows/,
    ],
    ['other names', { a: x, b: ids }, /has no array for an input of the model: it has a, b/],
  ] as const)('%s', async (name, arrays, message) => {
    const path = write(`${name}.npz`, npz(arrays as Record<string, NumpyArray>));
    await expect(read(path)).rejects.toThrow(message);
  });

  it('arrays in Fortran order and of objects', async () => {
    await expect(read(write('fortran.npy', npy(x, { order: 'True' })), model)).rejects.toThrow(/Fortran order/);
    await expect(read(write('object.npy', npy(x, { descr: '|O' })), model)).rejects.toThrow(/no plain number/);
  });

  it('a file that is no archive', async () => {
    await expect(read(write('no.npz', Buffer.from('x'.repeat(100))))).rejects.toThrow(/not a zip archive/);
  });
});
