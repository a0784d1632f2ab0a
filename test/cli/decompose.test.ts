import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

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
])('--method %s %s %s', async (method, flag, value) => {
  const output = join(folder, `${method}.onnx`);
  const { code } = await runCli(['decompose', model, '-o', output, '--overwrite', '--method', method, flag, value]);
  expect(code).toBe(0);
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
