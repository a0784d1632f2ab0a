// What is no model, or no file at all: a clear error at once, whatever the bytes.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRandom } from '../../src/numeric/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { encodeProto } from './proto.js';
import { field, join as joined, varint } from './wire-bytes.js';

const folder = temporaryFolder();
const model = encodeProto('ModelProto', {
  ir_version: 10,
  graph: {
    name: 'g',
    node: [{ op_type: 'Add', input: ['x', 'w'], output: ['y'] }],
    initializer: [{ name: 'w', dims: [100], data_type: 1, raw_data: Buffer.alloc(400) }],
    input: [{ name: 'x', type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 100 }] } } } }],
    output: [{ name: 'y' }],
  },
});

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function randomBytes(length: number, seed: number): Uint8Array {
  const random = createRandom(seed);
  return Uint8Array.from({ length }, () => random.int(256));
}

test.each<[string, Uint8Array | string]>([
  ['an empty file', ''],
  ['text', 'This is not a model.\n'.repeat(20)],
  ['a web page', '<!DOCTYPE html><html><body>404 Not Found</body></html>'],
  ['a pointer of git lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'],
  ['a zip file', Buffer.from('504b030414000000080000002100', 'hex')],
  ['a pickle', Buffer.from('80027d710028', 'hex')],
  [
    'a flatbuffer of onnxruntime',
    Buffer.concat([Buffer.from([0x20, 0, 0, 0]), Buffer.from('ORTM'), Buffer.alloc(100)]),
  ],
  ['zeros', new Uint8Array(5000)],
  ['random bytes', randomBytes(5000, 1)],
  ['a message without a graph', Uint8Array.of(8, 10)],
  ['a graph longer than the file', joined(field(1, varint(8)), Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f))],
  ['a length beyond any number', joined(Uint8Array.of(0x3a), new Uint8Array(9).fill(0xff), Uint8Array.of(1))],
])('%s is MODEL_INVALID, as a file and as bytes', async (name, bytes) => {
  const path = file(`${name}.onnx`, bytes);
  const invalid = { code: 'MODEL_INVALID', hint: expect.any(String) };
  await expect(loadModel(path)).rejects.toMatchObject({ ...invalid, message: expect.stringContaining(path) });
  await expect(loadModel(Buffer.from(bytes))).rejects.toMatchObject(invalid);
});

test.each<[Uint8Array | string, RegExp]>([
  ['version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n', /pointer of Git LFS/],
  ['<!DOCTYPE html><html><body>404 Not Found</body></html>', /web page/],
  [Buffer.from('504b030414000000080000002100', 'hex'), /zip archive/],
  [Buffer.concat([Buffer.from([0x20, 0, 0, 0]), Buffer.from('ORTM'), Buffer.alloc(100)]), /ORT format/],
])('a file of another kind is named', async (bytes, message) => {
  await expect(loadModel(file('other.onnx', bytes))).rejects.toMatchObject({ message: expect.stringMatching(message) });
});

test('a model cut at any byte is invalid, or a model of what is left', async () => {
  for (let length = 1; length < model.length; length++) {
    const error = await loadModel(model.subarray(0, length)).then(
      () => null,
      (cause: unknown) => cause,
    );
    if (error !== null) expect(error, `cut at ${length}`).toMatchObject({ code: 'MODEL_INVALID' });
  }
  await expect(loadModel(file('cut.onnx', model.subarray(0, -1)))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
});

test('a declared size that nothing backs takes no memory', async () => {
  const before = process.memoryUsage().rss;
  for (const dims of [[2 ** 40], [2 ** 31, 2 ** 31, 2 ** 31], [1, 2 ** 39]]) {
    for (const storage of [{}, { raw_data: Buffer.alloc(300) }, { float_data: [1] }]) {
      const initializer = [{ name: 'w', dims, data_type: 1, ...storage }];
      await expect(loadModel(encodeProto('ModelProto', { graph: { initializer } }))).rejects.toMatchObject({
        code: 'MODEL_INVALID',
      });
    }
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
});

test('what is missing or no file is IO', async () => {
  mkdirSync(join(folder, 'a folder'));
  await expect(loadModel(join(folder, 'missing.onnx'))).rejects.toMatchObject({ code: 'IO', hint: 'Check the path.' });
  await expect(loadModel(join(folder, 'a folder'))).rejects.toMatchObject({ code: 'IO' });
  await expect(loadModel(join(file('a file', 'x'), 'model.onnx'))).rejects.toMatchObject({ code: 'IO' });
});

test.runIf(process.platform !== 'win32')('pipes and devices are refused, not waited for', async () => {
  const pipe = join(folder, 'pipe.onnx');
  execFileSync('mkfifo', [pipe]);
  for (const path of [pipe, '/dev/zero', '/dev/null', '/dev/tty']) {
    await expect(loadModel(path)).rejects.toMatchObject({ code: 'IO' });
  }
});

test.runIf(process.getuid?.() !== 0 && process.platform !== 'win32')('a file without permission is IO', async () => {
  const path = file('secret.onnx', model);
  chmodSync(path, 0);
  await expect(loadModel(path)).rejects.toMatchObject({ code: 'IO', hint: 'Check the permissions.' });
});

test('loading leaves the file alone', async () => {
  const path = file('model.onnx', model);
  await loadModel(path);
  expect(readFileSync(path)).toEqual(Buffer.from(model));
});
