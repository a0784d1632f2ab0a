// Results that are kept: what is found again, and what is not; and runs that are killed at any moment and go on.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseModel } from '../src/ir/index.js';
import { KeptResults } from '../src/kept-results.js';
import { createRandom } from '../src/numeric/index.js';
import { saveModel } from '../src/onnx/index.js';
import { inlineWorkers, type Task } from '../src/parallel/index.js';
import { FileSource, FileTensor, float32Tensor } from '../src/tensor/index.js';
import { temporaryFolder } from './temporary-folder.js';

const folder = temporaryFolder();

describe('KeptResults', () => {
  let runs = 0;
  const doubling = {
    module: import.meta.url,
    exportName: 'doubling',
    keep: true,
    run(input: { readonly values: Float32Array; readonly tensor?: unknown; readonly factor: number }) {
      runs++;
      return input.values.map((value) => value * input.factor);
    },
  } satisfies Task<never, Float32Array>;
  const values = Float32Array.of(1, 2, 3);

  it('computes once what depends on the same content', async () => {
    const kept = new KeptResults(join(folder, 'a.onnx'));
    const first = await kept.keeping(inlineWorkers).run(doubling, { values, factor: 2 });
    const again = await new KeptResults(join(folder, 'a.onnx'))
      .keeping(inlineWorkers)
      .run(doubling, { factor: 2, values: values.slice() });
    expect(again).toEqual(first);
    expect(runs).toBe(1);
    for (const input of [
      { values, factor: 3 },
      { values, factor: Number.NaN },
      { values: Float32Array.of(1, 2), factor: 2 },
    ]) {
      const before = runs;
      await kept.keeping(inlineWorkers).run(doubling, input);
      expect(runs).toBe(before + 1);
    }
    kept.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('knows tensors in files by their content', async () => {
    const path = join(folder, 'weights');
    const workers = new KeptResults(join(folder, 'b.onnx')).keeping(inlineWorkers);
    const compute = async (content: Float32Array): Promise<boolean> => {
      writeFileSync(path, content);
      const encoding = { offset: 0, length: content.byteLength, encoding: 'raw' } as const;
      const tensor = new FileTensor('float32', [content.length], FileSource.open(path), encoding).describe();
      const before = runs;
      await workers.run(doubling, { values, factor: 2, tensor });
      return runs > before;
    };
    expect(await compute(Float32Array.of(5, 6))).toBe(true);
    expect(await compute(Float32Array.of(5, 6))).toBe(false);
    expect(await compute(Float32Array.of(5, 7))).toBe(true);
  });

  it('takes no notice of files that hold something else', async () => {
    const kept = new KeptResults(join(folder, 'c.onnx'));
    const workers = kept.keeping(inlineWorkers);
    await workers.run(doubling, { values, factor: 2 });
    for (const name of readdirSync(kept.folder)) writeFileSync(join(kept.folder, name), 'broken');
    const before = runs;
    expect(await workers.run(doubling, { values, factor: 2 })).toEqual(Float32Array.of(2, 4, 6));
    expect(runs).toBe(before + 1);
  });
});

const program = fileURLToPath(new URL('../bin/dsopt.js', import.meta.url));
const isBuilt = existsSync(new URL('../dist/src/kept-results.js', import.meta.url)) && process.platform !== 'win32';

describe.skipIf(!isBuilt)('quantize --resume in a process of its own (needs `npm run build`)', () => {
  const output = join(folder, 'out.onnx');
  let input: string;
  let expected: Buffer;

  const start = (path: string, ...options: readonly string[]): ChildProcess =>
    spawn(
      process.execPath,
      [program, 'quantize', input, '-o', path, '--mode', 'weight-only', '--no-verify', ...options],
      { stdio: 'ignore' },
    );
  const exitOf = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => child.once('exit', (code) => resolve(code)));

  beforeAll(async () => {
    input = join(folder, 'in.onnx');
    const random = createRandom(3);
    const size = 192;
    const names = Array.from({ length: 12 }, (_, i) => `w${i}`);
    const steps = names.map((name, i) => `  h${i + 1} = MatMul (h${i}, ${name})`).join('\n');
    const model = parseModel(
      `<ir_version: 10, opset_import: ["" : 21]>
test (float[n,${size}] h0) => (float[n,${size}] y) <${names.map((name) => `float[1] ${name} = {0}`).join(', ')}>
{
${steps}
  y = Relu (h12)
}`,
    );
    for (const value of model.graph.initializers) {
      const weights = Float32Array.from({ length: size * size }, () => random.normal());
      value.constant = float32Tensor([size, size], weights);
    }
    await saveModel(model, input);
    const whole = join(folder, 'whole.onnx');
    expect(await exitOf(start(whole))).toBe(0);
    expected = readFileSync(whole);
  }, 60_000);

  it('leaves no half output when it is killed, and gives the same bytes in the end', async () => {
    const random = createRandom(11);
    for (let round = 0; round < 2; round++) {
      const child = start(output, '--resume', '--overwrite');
      const ended = exitOf(child);
      await Promise.race([setTimeout(150 + 500 * random.next()), ended]);
      child.kill('SIGKILL');
      await ended;
      if (existsSync(output)) expect(readFileSync(output).equals(expected)).toBe(true);
    }
    expect(await exitOf(start(output, '--resume', '--overwrite'))).toBe(0);
    expect(readFileSync(output).equals(expected)).toBe(true);
    // What the killed ones left is gone too.
    expect(readdirSync(folder).filter((name) => name.startsWith('.dsopt') || name.includes('out.onnx.'))).toEqual([]);
  });
});
