import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { transferSize } from '../../src/measure/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder();

test('zeros vanish, noise does not, and the sizes are those of one compression at once', async () => {
  const random = createRandom(1);
  const noise = Float32Array.from({ length: 20_000 }, () => random.normal());
  const sparse = noise.map((value, at) => (at % 4 === 0 ? value : 0));
  const [a, b] = [join(folder, 'noise'), join(folder, 'sparse')];
  writeFileSync(a, new Uint8Array(noise.buffer));
  writeFileSync(b, new Uint8Array(sparse.buffer));
  const [dense, thin, both] = [await transferSize([a]), await transferSize([b]), await transferSize([a, b])];
  const packed = zlib.gzipSync(new Uint8Array(sparse.buffer), { level: 6 });
  expect(gunzipSync(packed).length).toBe(sparse.byteLength);
  expect(thin!.gzip).toBe(packed.length);
  expect(thin!.brotli).toBeLessThan(0.5 * dense!.brotli);
  expect(both!.gzip).toBe(dense!.gzip + thin!.gzip);
  expect(thin!.zstd === null).toBe(!('createZstdCompress' in zlib));
});

test('files that are not there are an error', async () => {
  await expect(transferSize([join(folder, 'none')])).rejects.toMatchObject({ code: 'IO' });
});
