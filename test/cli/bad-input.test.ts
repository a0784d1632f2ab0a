import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel, saveModel } from '../../src/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writeBytes, writePerceptron } from './small-models.js';

const folder = temporaryFolder();
let model: string;
beforeAll(async () => {
  model = await writePerceptron(folder);
});

/** Runs quantize into an empty folder and expects it to stay empty. */
async function quantizeFails(input: string): Promise<{ code: number; stderr: string }> {
  const out = join(folder, `out-${Math.abs(hash(input))}`);
  mkdirSync(out);
  const { code, stdout, stderr } = await runCli(['quantize', input, '-o', join(out, 'x.onnx')]);
  expect(stdout).toBe('');
  expect(readdirSync(out)).toEqual([]);
  return { code, stderr };
}

function hash(text: string): number {
  return [...text].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) | 0, 7);
}

describe('models that are none', () => {
  test('a missing file', async () => {
    const { code, stderr } = await quantizeFails(join(folder, 'missing.onnx'));
    expect(code).toBe(5);
    expect(stderr).toContain('ENOENT');
  });

  test('a folder', async () => {
    expect((await quantizeFails(folder)).code).toBe(5);
  });

  test.each([
    ['empty', new Uint8Array(0)],
    ['text', 'this is not a model at all, but it is long enough to look like one'],
    ['zeros', new Uint8Array(4096)],
    ['ones', new Uint8Array(4096).fill(255)],
  ])('%s', async (name, content) => {
    const { code, stderr } = await quantizeFails(writeBytes(folder, `${name}.onnx`, content));
    expect(code).toBe(3);
    expect(stderr).toContain('hint');
  });

  test.each([0.1, 0.5, 0.99])('truncated to %d of its length', async (share) => {
    const bytes = readFileSync(model);
    const path = writeBytes(folder, `truncated-${share}.onnx`, bytes.subarray(0, Math.floor(bytes.length * share)));
    expect((await quantizeFails(path)).code).toBe(3);
  });
});

describe('external data', () => {
  async function writeExternal(name: string): Promise<string> {
    const path = join(folder, name, 'm.onnx');
    mkdirSync(join(folder, name));
    await saveModel(await loadModel(model), path, { externalData: 'always' });
    return path;
  }

  test('missing', async () => {
    const path = await writeExternal('gone');
    const { rmSync } = await import('node:fs');
    rmSync(`${path}.data`);
    const { code, stderr } = await quantizeFails(path);
    expect(code).toBe(3);
    expect(stderr).toContain('m.onnx.data is missing');
  });

  test('too short', async () => {
    const path = await writeExternal('short');
    writeFileSync(`${path}.data`, new Uint8Array(100));
    expect((await quantizeFails(path)).code).toBe(3);
  });

  test('a symbolic link out of the folder', async () => {
    const path = await writeExternal('link');
    const { renameSync } = await import('node:fs');
    renameSync(`${path}.data`, join(folder, 'elsewhere.data'));
    symlinkSync(join(folder, 'elsewhere.data'), `${path}.data`);
    const { code, stderr } = await quantizeFails(path);
    expect(code).toBe(3);
    expect(stderr).toContain('outside its folder');
  });
});

describe('outputs that cannot be', () => {
  test('an existing file is left alone', async () => {
    const path = writeBytes(folder, 'precious.onnx', 'precious');
    const { code, stderr } = await runCli(['quantize', model, '-o', path]);
    expect(code).toBe(5);
    expect(stderr).toContain('--overwrite');
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  test('a folder', async () => {
    const { code, stderr } = await runCli(['quantize', model, '-o', folder, '--overwrite']);
    expect(code).toBe(5);
    expect(stderr).toContain('EISDIR');
  });

  test('below a file', async () => {
    expect((await runCli(['quantize', model, '-o', join(model, 'x.onnx')])).code).toBe(5);
  });

  test.runIf(process.platform === 'linux')('where nothing can be written', async () => {
    expect((await runCli(['quantize', model, '-o', '/proc/x.onnx'])).code).toBe(5);
  });
});

test('a selector that matches nothing leaves nothing', async () => {
  const { code, stderr } = await runCli(['quantize', model, '-o', join(folder, 'no.onnx'), '--include', 'nothing*']);
  expect(code).toBe(2);
  expect(stderr).toContain('The selector nothing* matches no node');
  expect(readdirSync(folder)).not.toContain('no.onnx');
});

test('with --json the failure is one object on stdout', async () => {
  const { code, stdout } = await runCli(['inspect', join(folder, 'missing.onnx'), '--json']);
  expect(code).toBe(5);
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'dsopt.report/1',
    command: 'inspect',
    error: { code: 'IO', exitCode: 5 },
  });
});
