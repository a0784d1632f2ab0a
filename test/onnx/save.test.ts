// Saving: completely, or not at all.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { Model } from '../../src/ir/index.js';
import { encodeToBytes, loadModel, saveModel, stageModel } from '../../src/onnx/index.js';
import { ComputedTensor, float32Tensor, type Tensor, type TensorKernel } from '../../src/tensor/index.js';
import { temporaryFolder } from '../temporary-folder.js';

const root = temporaryFolder();
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});

function modelOf(...tensors: Tensor[]): Model {
  const model = new Model();
  model.opsetImports.set('', 17);
  tensors.forEach((tensor, index) => {
    model.graph.addInitializer(`w${index}`, tensor);
  });
  return model;
}

const small = (): Model => modelOf(float32Tensor([4], [1, 2, 3, 4]));

/** A tensor of `megabytes`, computed piece by piece; `onPiece` is called before each. */
function computed(megabytes: number, onPiece: (index: number) => void = () => undefined): Tensor {
  const kernel: TensorKernel<null> = {
    module: import.meta.url,
    exportName: 'none',
    *chunks() {
      const piece = new Uint8Array(1 << 20);
      for (let index = 0; index < megabytes; index++) {
        onPiece(index);
        yield piece.fill(index);
      }
    },
  };
  return new ComputedTensor('uint8', [megabytes << 20], kernel, [], null);
}

test('writes the model and nothing else', async () => {
  const path = join(folder, 'model.onnx');
  expect(await saveModel(small(), path)).toEqual([path]);
  expect(readdirSync(folder)).toEqual(['model.onnx']);
  expect(readFileSync(path)).toEqual(Buffer.from(encodeToBytes(small())));
});

test('the same model gives the same bytes', async () => {
  expect(encodeToBytes(small())).toEqual(encodeToBytes(small()));
});

test('a staged model is loadable, and is under its name only after the commit', async () => {
  const path = join(folder, 'model.onnx');
  const staged = await stageModel(small(), path, { externalData: 'always' });
  expect(existsSync(path)).toBe(false);
  expect((await loadModel(staged.path)).graph.initializers.size).toBe(1);
  expect(staged.byteLength).toBe(statSync(staged.path).size);
  expect(staged.commit()).toEqual([path]);
  expect(readdirSync(folder)).toEqual(['model.onnx']);
  staged.discard();
  expect(existsSync(path)).toBe(true);
});

test('a discarded model leaves nothing', async () => {
  const staged = await stageModel(small(), join(folder, 'model.onnx'));
  staged.discard();
  expect(readdirSync(folder)).toEqual([]);
});

describe('what is there already', () => {
  test('is not overwritten, also when it appears while the model is written', async () => {
    const path = join(folder, 'model.onnx');
    const exists = expect.objectContaining({ code: 'IO', hint: expect.stringMatching(/--overwrite/) });
    writeFileSync(path, 'precious');
    await expect(saveModel(small(), path)).rejects.toEqual(exists);
    const late = join(folder, 'late.onnx');
    const appears = computed(1, () => writeFileSync(late, 'precious'));
    await expect(saveModel(modelOf(appears), late)).rejects.toEqual(exists);
    expect([path, late].map((name) => readFileSync(name, 'utf8'))).toEqual(['precious', 'precious']);
    expect(readdirSync(folder).sort()).toEqual(['late.onnx', 'model.onnx']);
  });

  test('is not overwritten when it is a data file', async () => {
    writeFileSync(join(folder, 'model.onnx.data'), 'precious');
    const model = modelOf(float32Tensor([1000], new Float32Array(1000)));
    await expect(saveModel(model, join(folder, 'model.onnx'), { externalData: 'always' })).rejects.toMatchObject({
      code: 'IO',
    });
    expect(readdirSync(folder)).toEqual(['model.onnx.data']);
  });

  test('is overwritten when asked', async () => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, 'old');
    await saveModel(small(), path, { overwrite: true });
    expect((await loadModel(path)).graph.initializers.size).toBe(1);
  });

  test('is overwritten in place by a model that still reads from it', async () => {
    const path = join(folder, 'model.onnx');
    const values = Float32Array.from({ length: 5000 }, (_, index) => index);
    await saveModel(modelOf(float32Tensor([5000], values)), path);
    const model = await loadModel(path);
    model.graph.addInitializer('more', float32Tensor([1], [7]));
    await saveModel(model, path, { overwrite: true });
    const [first, second] = (await loadModel(path)).graph.initializers;
    expect(first.constant!.read()).toEqual(values);
    expect(second.constant!.readNumbers()).toEqual([7]);
  });

  test('and its data files go with it, unless they are of others', async () => {
    const path = join(folder, 'model.onnx');
    const large = modelOf(float32Tensor([1000], new Float32Array(1000)), float32Tensor([2000], new Float32Array(2000)));
    await saveModel(large, path, { externalData: 'always', shardSize: 5000, dataSuffix: '_data' });
    writeFileSync(join(folder, 'model.onnx.data'), 'of another');
    expect(readdirSync(folder).sort()).toEqual([
      'model.onnx',
      'model.onnx.data',
      'model.onnx_data',
      'model.onnx_data_1',
    ]);
    await saveModel(large, path, { externalData: 'always', dataSuffix: '_data', overwrite: true });
    expect(readdirSync(folder).sort()).toEqual(['model.onnx', 'model.onnx.data', 'model.onnx_data']);
    await saveModel(small(), path, { overwrite: true });
    expect(readdirSync(folder).sort()).toEqual(['model.onnx', 'model.onnx.data']);
  });

  test('is a folder: an error even when overwriting', async () => {
    mkdirSync(join(folder, 'model.onnx'));
    const saving = saveModel(small(), join(folder, 'model.onnx'), { overwrite: true });
    await expect(saving).rejects.toMatchObject({ code: 'IO' });
    expect(readdirSync(folder)).toEqual(['model.onnx']);
  });
});

describe('a failure in the middle leaves nothing', () => {
  test('when a tensor cannot be computed', async () => {
    const model = modelOf(
      computed(2, (index) => {
        if (index === 1) throw new RangeError('out of numbers');
      }),
    );
    await expect(saveModel(model, join(folder, 'model.onnx'))).rejects.toThrow('out of numbers');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('not even the folders that were created for it', async () => {
    const failing = modelOf(
      computed(1, () => {
        throw new RangeError('out of numbers');
      }),
    );
    const path = join(folder, 'new', 'newer', 'model.onnx');
    await expect(saveModel(failing, path)).rejects.toThrow('out of numbers');
    expect(readdirSync(folder)).toEqual([]);
    (await stageModel(small(), path)).discard();
    expect(readdirSync(folder)).toEqual([]);
    await saveModel(small(), path);
    expect(readdirSync(join(folder, 'new'), { recursive: true })).toEqual(['newer', 'newer/model.onnx']);
  });

  test('when the weights change underneath', async () => {
    const source = join(folder, 'in.onnx');
    await saveModel(modelOf(float32Tensor([5000], new Float32Array(5000))), source);
    const model = await loadModel(source);
    writeFileSync(source, Buffer.alloc(100));
    await expect(saveModel(model, join(folder, 'out.onnx'))).rejects.toMatchObject({ code: 'IO' });
    expect(readdirSync(folder)).toEqual(['in.onnx']);
  });

  test('when it is aborted', async () => {
    const controller = new AbortController();
    const tensors = Array.from({ length: 3 }, () =>
      computed(20, (index) => index === 1 && setTimeout(() => controller.abort(), 0)),
    );
    const saving = saveModel(modelOf(...tensors), join(folder, 'model.onnx'), { signal: controller.signal });
    await expect(saving).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('when the folder is below a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(saveModel(small(), join(folder, 'file', 'model.onnx'))).rejects.toMatchObject({
      code: 'IO',
      hint: 'A part of the path is a file, not a folder.',
    });
    await expect(saveModel(small(), join(folder, 'file', 'new', 'model.onnx'))).rejects.toMatchObject({ code: 'IO' });
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test.runIf(process.getuid?.() !== 0)('when the folder is not writable', async () => {
    chmodSync(folder, 0o500);
    await expect(saveModel(small(), join(folder, 'model.onnx'))).rejects.toMatchObject({
      code: 'IO',
      hint: 'Check the permissions.',
    });
  });

  test.runIf(existsSync('/proc/self'))('when the file system takes no files', async () => {
    await expect(saveModel(small(), '/proc/model.onnx')).rejects.toMatchObject({ code: 'IO' });
  });
});

const built = fileURLToPath(new URL('../../dist/src/onnx/index.js', import.meta.url));

describe.skipIf(!existsSync(built) || process.platform === 'win32')(
  'in a process of its own (needs `npm run build`)',
  () => {
    /** Writes 64 tensors of 4 MB and tells its process id when the first is on its way. */
    const script = `
    import { loadModel, saveModel } from ${JSON.stringify(built)};
    const model = await loadModel(process.argv[1]);
    const controller = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => controller.abort());
    setImmediate(() => process.stdout.write('writing'));
    saveModel(model, process.argv[2], { signal: controller.signal }).catch((error) => {
      process.stdout.write(' ' + error.code + ' ' + error.message);
      process.exitCode = 9;
    });`;
    let input: string;
    let target: string;
    beforeEach(async () => {
      input = join(folder, 'in.onnx');
      await saveModel(modelOf(...Array.from({ length: 16 }, () => computed(16))), input);
      target = join(folder, 'out');
      mkdirSync(target);
    });

    async function interrupt(signal: NodeJS.Signals): Promise<{ code: number | null; output: string }> {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, input, join(target, 'model.onnx')]);
      let output = '';
      child.stdout.on('data', (chunk) => {
        if (output === '') child.kill(signal);
        output += chunk;
      });
      const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
      return { code, output };
    }

    test.each(['SIGINT', 'SIGTERM'] as const)('%s removes what was written', async (signal) => {
      const { code, output } = await interrupt(signal);
      expect(output).toContain('ABORTED');
      expect(code).toBe(9);
      expect(readdirSync(target)).toEqual([]);
    });

    test('SIGKILL leaves nothing under the name', async () => {
      await interrupt('SIGKILL');
      expect(existsSync(join(target, 'model.onnx'))).toBe(false);
    });

    test('a limit on the size of files, like a full disk, is IO and leaves nothing', () => {
      const command = `ulimit -f 100; exec "$0" --input-type=module -e "$1" "$2" "$3"`;
      let output = '';
      try {
        execFileSync('bash', ['-c', command, process.execPath, script, input, join(target, 'model.onnx')]);
      } catch (cause) {
        output = String((cause as { stdout: Buffer }).stdout);
      }
      expect(output).toMatch(/IO Cannot write/);
      expect(readdirSync(target)).toEqual([]);
    });
  },
);
