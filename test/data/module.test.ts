import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type ModelInterface, openDataset } from '../../src/data/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { collect, modelInterface } from './model-interfaces.js';

const root = temporaryFolder();
const model = modelInterface({ x: ['float32', ['N', 2]], n: ['int64', ['N']] });
let files = 0;

async function read(
  code: string,
  options: { samples?: number; shuffle?: boolean } = {},
  to: ModelInterface = model,
  batch = 1,
) {
  const path = join(root, `samples-${files++}.mjs`);
  writeFileSync(path, code);
  const dataset = await openDataset(path, options, to);
  return collect(dataset.samples(batch));
}

describe('a module', () => {
  it('may export an async generator function of feeds', async () => {
    const samples = await read(`export default async function* () {
      yield { x: [[1, 2]], n: [3] };
      yield { feeds: { x: { dims: [1, 2], data: Float32Array.of(4, 5) }, n: BigInt64Array.of(6n) }, label: 7, continues: true };
    }`);
    expect(samples.map(({ feeds }) => [...feeds.x.readFloat32(), ...feeds.n.readNumbers()])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(samples[1]).toMatchObject({ continues: true, targets: { kind: 'classes', values: Int32Array.of(7) } });
  });

  it('may export an array, give typed arrays, and right outputs', async () => {
    const to = modelInterface({ x: ['float32', ['N', 2]] }, { y: ['float32', ['N', 1]] });
    const [sample] = await read(
      'export default [{ feeds: { x: new Float64Array([1, 2]) }, targets: { y: [[0.5]] } }];',
      {},
      to,
    );
    expect([...sample.feeds.x.shape]).toEqual([1, 2]);
    expect(sample.targets).toMatchObject({ kind: 'tensors' });
  });

  it('may give tensors of onnxruntime', async () => {
    const [sample] =
      await read(`import ort from '${pathToFileURL(join(process.cwd(), 'node_modules/onnxruntime-node/dist/index.js')).href}';
      export default [{ x: new ort.Tensor('float32', [1, 2], [1, 2]), n: new ort.Tensor('int64', [8n], [1]) }];`);
    expect(sample.feeds.n.readNumbers()).toEqual([8]);
  });

  const counting = 'export default function* () { for (let i = 0; i < 50; i++) yield { x: [[i, 0]], n: [i] }; }';
  const values = (samples: Awaited<ReturnType<typeof read>>) => samples.flatMap(({ feeds }) => feeds.n.readNumbers());

  it('is read from the start, and only as far as needed', async () => {
    expect(values(await read(counting, { samples: 3 }))).toEqual([0, 1, 2]);
  });

  it('is shuffled by seed, nothing lost', async () => {
    const shuffled = values(await read(counting, { shuffle: true }));
    expect(shuffled).not.toEqual([...shuffled].sort((a, b) => a - b));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(values(await read(counting, { shuffle: true }))).toEqual(shuffled);
  });

  it('is batched', async () => {
    expect((await read(counting, {}, model, 20)).map(({ count }) => count)).toEqual([20, 20, 10]);
  });

  it.each([
    ['export default 3;', /no iterable/],
    ['export const samples = [];', /no iterable/],
    ['export default [5];', /sample 0 .* is number/],
    [
      'export default [{ x: [[1, 2, 3]], n: [1] }];',
      /Input x expects float32\[N,2\], and the data gives float32\[1,3\]/,
    ],
    ['export default [{ x: [[1], [1, 2]], n: [1] }];', /rows of different lengths/],
    ['export default [{ x: "no", n: [1] }];', /x of the sample 0 .* is no tensor/],
    ['syntax error', /Cannot load/],
  ])('that is %s is refused', async (code, message) => {
    await expect(read(code)).rejects.toThrow(message);
  });
});
