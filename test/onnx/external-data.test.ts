// External data in and out: where it may lie, what a hostile or damaged reference leads to.
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadModel, saveModel } from '../../src/onnx/index.js';
import { FileTensor } from '../../src/tensor/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { decodeProto, encodeProto } from './proto.js';

const root = temporaryFolder();
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++), 'model');
  mkdirSync(folder, { recursive: true });
});

const weights = Float32Array.of(1, 2, 3, 4);
const bytes = Buffer.from(weights.buffer);

/** Writes a model with one float32[4] in external data as `entries` say; gives its path. */
function write(entries: Readonly<Record<string, string>>, dims: number[] = [4]): string {
  const path = join(folder, 'model.onnx');
  const external_data = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const initializer = [{ name: 'w', dims, data_type: 1, data_location: 1, external_data }];
  writeFileSync(
    path,
    encodeProto('ModelProto', { ir_version: 10, opset_import: [{ version: 21 }], graph: { name: 'g', initializer } }),
  );
  return path;
}

async function read(path: string): Promise<number[]> {
  const [value] = (await loadModel(path)).graph.initializers;
  return value.constant!.readNumbers();
}

describe('is read', () => {
  test('from a file beside the model, whole or in part', async () => {
    writeFileSync(join(folder, 'w.bin'), Buffer.concat([Buffer.alloc(7), bytes, Buffer.alloc(9)]));
    expect(await read(write({ location: 'w.bin', offset: '7', length: '16' }))).toEqual([...weights]);
    expect(await read(write({ location: 'w.bin', offset: '7', checksum: 'ignored' }))).toEqual([...weights]);
    writeFileSync(join(folder, 'whole.bin'), bytes);
    expect(await read(write({ location: 'whole.bin' }))).toEqual([...weights]);
  });

  test('from a folder below, and through links that stay within the folder', async () => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub', 'w.bin'), bytes);
    symlinkSync(join('sub', 'w.bin'), join(folder, 'link.bin'));
    expect(await read(write({ location: 'sub/w.bin' }))).toEqual([...weights]);
    expect(await read(write({ location: './sub/../sub/w.bin' }))).toEqual([...weights]);
    expect(await read(write({ location: 'link.bin' }))).toEqual([...weights]);
  });

  test('when the model is opened through a link to its folder', async () => {
    writeFileSync(join(folder, 'w.bin'), bytes);
    write({ location: 'w.bin' });
    symlinkSync(folder, join(folder, '..', 'alias'));
    expect(await read(join(folder, '..', 'alias', 'model.onnx'))).toEqual([...weights]);
  });

  test('when model and data are links into one folder, as in a cache of downloads', async () => {
    const blobs = join(folder, '..', 'blobs');
    mkdirSync(blobs);
    writeFileSync(join(blobs, 'a1'), bytes);
    renameSync(write({ location: 'w.bin' }), join(blobs, 'b2'));
    symlinkSync('../blobs/a1', join(folder, 'w.bin'));
    symlinkSync('../blobs/b2', join(folder, 'model.onnx'));
    expect(await read(join(folder, 'model.onnx'))).toEqual([...weights]);
  });

  test('lazily: the file is only opened, and a change is noticed', async () => {
    writeFileSync(join(folder, 'w.bin'), bytes);
    const [value] = (await loadModel(write({ location: 'w.bin' }))).graph.initializers;
    expect(value.constant).toBeInstanceOf(FileTensor);
    writeFileSync(join(folder, 'w.bin'), Buffer.alloc(20));
    expect(() => value.constant!.read()).toThrow(
      expect.objectContaining({ code: 'IO', message: expect.stringMatching(/changed/) }),
    );
  });
});

describe('is refused', () => {
  beforeEach(() => {
    writeFileSync(join(folder, '..', 'outside.bin'), bytes);
    writeFileSync(join(folder, 'w.bin'), bytes);
  });

  test.each([
    ['above the folder', '../outside.bin'],
    ['above the folder, by a detour', 'sub/../../outside.bin'],
    ['at an absolute path', '/etc/passwd'],
    ['at a path of Windows', 'C:\\Windows\\win.ini'],
    ['on a share of Windows', '\\\\host\\share'],
    ['in a name that is cut short', 'w.bin\0.png'],
    ['at an empty path', ''],
  ])('%s', async (_, location) => {
    await expect(read(write({ location }))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/outside/),
    });
  });

  test('through a link that leads outside', async () => {
    symlinkSync(join('..', 'outside.bin'), join(folder, 'link.bin'));
    symlinkSync('..', join(folder, 'up'));
    for (const location of ['link.bin', 'up/outside.bin'])
      await expect(read(write({ location }))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['missing', { location: 'nowhere.bin' }, 'MODEL_INVALID'],
    ['a folder', { location: '.' }, 'IO'],
    ['without a location', { offset: '0' }, 'MODEL_INVALID'],
    ['too short', { location: 'w.bin', offset: '4' }, 'MODEL_INVALID'],
    ['too short for its length', { location: 'w.bin', length: '17' }, 'MODEL_INVALID'],
    ['of another length than its shape', { location: 'w.bin', length: '12' }, 'MODEL_INVALID'],
    ['at a negative offset', { location: 'w.bin', offset: '-4' }, 'MODEL_INVALID'],
    ['at a huge offset', { location: 'w.bin', offset: '99999999999999999999' }, 'MODEL_INVALID'],
    ['at an offset that is no number', { location: 'w.bin', offset: '1e1' }, 'MODEL_INVALID'],
    ['at an empty offset', { location: 'w.bin', offset: '' }, 'MODEL_INVALID'],
    ['of a negative length', { location: 'w.bin', length: '-16' }, 'MODEL_INVALID'],
    ['of a huge length', { location: 'w.bin', length: '1152921504606846976' }, 'MODEL_INVALID'],
  ])('when it is %s', async (_, entries, code) => {
    await expect(read(write(entries))).rejects.toMatchObject({ code });
  });

  test('when its shape is huge', async () => {
    await expect(read(write({ location: 'w.bin' }, [2 ** 40, 2 ** 20]))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
    });
    await expect(read(write({ location: 'w.bin' }, [2 ** 38]))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  test('when the model is given as bytes', async () => {
    await expect(loadModel(readFileSync(write({ location: 'w.bin' })))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
    });
  });
});

describe('is written', () => {
  const tensors = [3000, 2000, 100].map((size) => Float32Array.from({ length: size }, (_, index) => index * size));

  async function save(
    options: Parameters<typeof saveModel>[2],
  ): Promise<{ names: string[]; graph: { initializer: { external_data?: { key: string; value: string }[] }[] } }> {
    const initializer = tensors.map((values, index) => ({
      name: `w${index}`,
      dims: [values.length],
      data_type: 1,
      raw_data: Buffer.from(values.buffer),
    }));
    const input = join(folder, 'in.onnx');
    writeFileSync(input, encodeProto('ModelProto', { ir_version: 10, graph: { name: 'g', initializer } }));
    const files = await saveModel(await loadModel(input), join(folder, 'out.onnx'), options);
    const again = [...(await loadModel(join(folder, 'out.onnx'))).graph.initializers];
    expect(again.map(({ constant }) => constant!.readFloat32())).toEqual(tensors);
    const names = files.map((file) => file.slice(folder.length + 1));
    return { names, graph: decodeProto('ModelProto', readFileSync(files[0])).graph as never };
  }

  test('when asked, each tensor at a page of its own, small ones in the model', async () => {
    const { names, graph } = await save({ externalData: 'always' });
    expect(names).toEqual(['out.onnx', 'out.onnx.data']);
    const [first, second, small] = graph.initializer.map(({ external_data = [] }) =>
      Object.fromEntries(external_data.map(({ key, value }) => [key, value])),
    );
    expect(first).toEqual({ location: 'out.onnx.data', offset: '0', length: '12000' });
    expect(second).toEqual({ location: 'out.onnx.data', offset: '12288', length: '8000' });
    expect(small).toEqual({});
  });

  test('in several files of limited size', async () => {
    const { names } = await save({ externalData: 'always', shardSize: 10_000 });
    expect(names).toEqual(['out.onnx', 'out.onnx.data_1', 'out.onnx.data']);
  });

  test('not at all when the model fits', async () => {
    expect((await save({})).names).toEqual(['out.onnx']);
  });
});
