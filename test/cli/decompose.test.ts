import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writeBytes, writePerceptron } from './small-models.js';

const folder = temporaryFolder();
let model: string;
beforeAll(async () => {
  model = await writePerceptron(folder);
});

test('writes model.decomposed.onnx beside the model and says so in the last line', async () => {
  const { code, stdout } = await runCli([
    'decompose',
    model,
    '--ratio',
    '50%',
    '--no-check-speed',
    '--minimum-size',
    '1',
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^model\.onnx 65\.\d kB → model\.decomposed\.onnx \d+\.\d kB \(−\d\d\.\d %\)/);
  expect(statSync(join(folder, 'model.decomposed.onnx')).size).toBeLessThan(0.6 * statSync(model).size);
});

test.each([
  ['low-rank', '--rank', '8'],
  ['low-rank', '--rank', 'vbmf'],
  ['tucker', '--energy', '0.9'],
  ['spatial', '--target-macs', '60%'],
  ['share-basis', '--target-params', '70%'],
  ['auto', '--target-size', '60%'],
  ['auto', '--target-size', '40kB'],
])('--method %s %s %s', async (method, flag, value) => {
  const output = join(folder, `${method}.onnx`);
  const words = ['--overwrite', '--no-check-speed', '--minimum-size', '1', '--method', method, flag, value];
  const { code } = await runCli(['decompose', model, '-o', output, ...words]);
  expect(code).toBe(0);
  expect(existsSync(output)).toBe(true);
  if (value === '40kB') expect(statSync(output).size).toBeLessThan(41_000);
});

test('a target that cannot be reached ends with 99, and what could be is written', async () => {
  const output = join(folder, 'missed.onnx');
  const { code, stderr } = await runCli(['decompose', model, '-o', output, '--target-size', '100B', '--overwrite']);
  expect(code).toBe(2);
  expect(stderr).toContain('8MB');
  const words = ['--target-size', '0.1kB', '--no-check-speed', '--overwrite'];
  const missed = await runCli(['decompose', model, '-o', output, ...words]);
  expect(missed.code).toBe(99);
  expect(missed.stderr).toContain('was reached of');
  expect(existsSync(output)).toBe(true);
});

test('a rule that the method does not have, and two rules at once, are usage errors', async () => {
  const foreign = await runCli(['decompose', model, '--method', 'share-basis', '--energy', '0.9', '--overwrite']);
  expect(foreign.code).toBe(2);
  expect(foreign.stderr).toContain('--energy is not for --method share-basis');
  const both = await runCli(['decompose', model, '--ratio', '50%', '--energy', '0.9', '--overwrite']);
  expect(both.code).toBe(2);
  expect(both.stderr).toContain('ratio and energy');
  const unknown = await runCli(['decompose', model, '--target-parms', '50%']);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('--target-params');
});

describe('--max-drop without a rule for ranks', () => {
  const flags = ['--eval-data', 'DATA', '--metric', 'mse', '--minimum-size', '1', '--no-check-speed', '--overwrite'];
  const run = async (maxDrop: string) => {
    const output = join(folder, 'dropped.onnx');
    const x = Float32Array.from({ length: 16 * 64 }, (_, index) => Math.sin(index * index));
    const data = writeBytes(folder, 'inputs.npz', npz({ x: { dataType: 'float32', shape: [16, 64], data: x } }));
    const words = flags.map((flag) => (flag === 'DATA' ? data : flag));
    return { output, ...(await runCli(['decompose', model, '-o', output, '--max-drop', maxDrop, ...words])) };
  };

  test('keeps as few parameters as the metric allows', async () => {
    const strict = await run('0.2');
    expect(strict.code).toBe(0);
    const strictBytes = statSync(strict.output).size;
    const lenient = await run('100');
    expect(lenient.code).toBe(0);
    expect(lenient.stderr.match(/of the parameters: mse worse by/g)).toHaveLength(5);
    expect(statSync(lenient.output).size).toBeLessThan(strictBytes);
  });

  test('writes what comes nearest and ends with 99 where nothing is allowed', async () => {
    const { code, stderr, output } = await run('0');
    expect(code).toBe(99);
    expect(stderr).toContain('What came nearest was written');
    expect(existsSync(output)).toBe(true);
  });
});
