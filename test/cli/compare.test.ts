import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { anyReport } from '../../src/report/schema/report-schema.js';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writeBytes, writeConvolution, writePerceptron } from './small-models.js';

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

test('tells agreement, KL divergence and SQNR with intervals', async () => {
  const { stdout } = await runCli(['compare', model, quantized, '--samples', '20']);
  expect(stdout).toMatch(/ size +agreement +KL +SQNR/);
  expect(stdout).toMatch(/quantized\.onnx .* % \(\d+\.\d\d–\d+\.\d\d\) .* dB \(\d+\.\d–\d+\.\d\)/);
  expect(stdout).toContain('seeded synthetic inputs, not real data');
});

test('runs both on data, with a metric beside', async () => {
  const rows = Float32Array.from({ length: 10 * 64 }, (_, i) => Math.sin(i * i));
  const labels = BigInt64Array.from({ length: 10 }, (_, i) => BigInt(i));
  const path = writeBytes(
    folder,
    'rows.npz',
    npz({
      x: { dataType: 'float32', shape: [10, 64], data: rows },
      labels: { dataType: 'int64', shape: [10], data: labels },
    }),
  );
  const args = ['compare', model, quantized, '--data', path, '--metric', 'top5', '--batch', '4', '--json'];
  const report = JSON.parse((await runCli(args)).stdout);
  expect(anyReport.parse(report)).toMatchObject({
    fidelity: { inputs: 'given', samples: 10 },
    evaluation: { data: { path, examples: 10 }, models: [{ metrics: [{ name: 'top5' }] }, {}] },
  });
  // The whole output and its rows are the same elements.
  const [output] = report.fidelity.outputs;
  const sqnr = report.evaluation.models[1].fidelity.find(({ name }: { name: string }) => name === 'sqnr');
  expect(sqnr.value).toBeCloseTo(output.sqnr, 6);
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
