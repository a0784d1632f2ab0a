import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { anyReport } from '../../src/report/report-schema.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writeConvolution, writePerceptron } from './small-models.js';

const folder = temporaryFolder();
let model: string;
let quantized: string;
beforeAll(async () => {
  model = await writePerceptron(folder);
  quantized = join(folder, 'quantized.onnx');
  await runCli(['quantize', model, '-o', quantized]);
});

test('says what differs: bytes, operators, outputs', async () => {
  const { code, stdout } = await runCli(['compare', model, quantized]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/float32 +65\.5 kB/);
  expect(stdout).toMatch(/MatMulInteger +0 +2 +\+2/);
  expect(stdout).toMatch(/y {2}cosine 0\.9\d+ {2}SQNR \d\d\.\d dB/);
});

test('a model is identical to itself', async () => {
  const { stdout } = await runCli(['compare', model, model, '--samples', '2']);
  expect(stdout).toMatch(/y {2}identical/);
});

test('--json is a report, the same for the same seed', async () => {
  const run = async () => JSON.parse((await runCli(['compare', model, quantized, '--json', '--seed', '3'])).stdout);
  const [first, second] = [await run(), await run()];
  expect(anyReport.parse(first)).toEqual(second);
  expect(first.fidelity).toMatchObject({ samples: 8, inputs: 'synthetic' });
});

test('models of other interfaces are refused', async () => {
  const { code, stderr } = await runCli(['compare', model, await writeConvolution(folder)]);
  expect(code).toBe(3);
  expect(stderr).toContain('no output in common');
});
