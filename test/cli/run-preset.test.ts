import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();

test('dsopt run --preset prunes and quantizes in one command', async () => {
  const model = await writePerceptron(folder);
  const output = join(folder, 'small.onnx');
  const args = ['run', '--preset', 'transformer-int8', '-i', model, '-o', output, '--no-measure'];
  const { code, stdout } = await runCli(args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/small\.onnx/);
  expect(statSync(output).size).toBeLessThan(statSync(model).size / 4);
});

test.each([
  [[], /either a recipe file or --preset/],
  [['recipe.yaml', '--preset', 'cnn-fast'], /either a recipe file or --preset/],
  [['--preset', 'cnn-fats'], /cnn-fast/],
])('%j is refused', async (args, message) => {
  const { code, stderr } = await runCli(['run', ...args, '-i', 'a.onnx', '-o', join(folder, 'b.onnx')]);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
