// Quantization within a limit of the metric, of size and of latency.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { anyReport } from '../../src/report/schema/report-schema.js';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();
const data = join(folder, 'inputs.npz');
let model: string;
let quantize: (name: string, ...more: string[]) => ReturnType<typeof runCli>;

beforeAll(async () => {
  model = await writePerceptron(folder);
  const random = createRandom(3);
  const values = Float32Array.from({ length: 48 * 64 }, () => random.normal());
  writeFileSync(data, npz({ x: { dataType: 'float32', shape: [48, 64], data: values } }));
  const options = ['--mode', 'static', '--calibration-data', data, '--no-measure'];
  quantize = (name, ...more) => runCli(['quantize', model, '-o', join(folder, name), ...options, ...more]);
});

async function countOf(name: string, opType: string): Promise<number> {
  const { graph } = await loadModel(join(folder, name));
  return [...graph.nodes()].filter((node) => node.is(opType)).length;
}

describe('--max-drop', () => {
  let kl = 0;
  const evaluation = ['--eval-data', data, '--metric', 'kl'];

  test('keeps nothing where all operators in integers meet the limit', async () => {
    const path = join(folder, 'all.json');
    const { code } = await quantize('all.onnx', ...evaluation, '--max-drop', '1', '--report', path);
    expect(code).toBe(0);
    const report = anyReport.parse(JSON.parse(readFileSync(path, 'utf8')));
    if (!('passes' in report) || !report.evaluation) throw new Error('no evaluation');
    kl = report.evaluation.models[1].metrics[0].value!;
    expect(kl).toBeGreaterThan(0);
    expect(await countOf('all.onnx', 'MatMul')).toBe(2);
  });

  test('keeps the fewest operators at 16 bits that meet it', async () => {
    const path = join(folder, 'some.json');
    const limit = ['--max-drop', String(0.8 * kl), '--report', path];
    const { code, stderr } = await quantize('some.onnx', ...evaluation, ...limit);
    expect(code).toBe(0);
    // What does not change between the attempts is observed once.
    const report = anyReport.parse(JSON.parse(readFileSync(path, 'utf8')));
    const passes = 'passes' in report ? report.passes : [];
    const metrics = passes.find((entry) => entry.pass === 'quantize-static')?.metrics;
    expect(metrics).toMatchObject({ cacheMisses: 0 });
    expect(metrics?.cacheHits).toBeGreaterThan(0);
    expect(stderr).toMatch(/1 at 16 bits, 0 in float: kl falls by/);
    expect(await countOf('some.onnx', 'MatMul')).toBe(3);
  });

  test('keeps them in float where 16 bits are too few, beside what the user excludes', async () => {
    const { code, stderr } = await quantize('float.onnx', ...evaluation, '--max-drop', '0', '--exclude', '*hidden*');
    expect(code).toBe(0);
    expect(stderr).toMatch(/1 at 16 bits, 0 in float: kl falls by .*\n[\s\S]*0 at 16 bits, 1 in float: kl falls by 0/);
    expect(await countOf('float.onnx', 'QuantizeLinear')).toBe(0);
    expect(await countOf('float.onnx', 'MatMul')).toBe(2);
  });
});

describe('a budget', () => {
  test('of size is filled with operators in float, the most sensitive first, and with 16 bits behind them', async () => {
    const { code, stderr } = await quantize('sized.onnx', '--target-size', '45kB');
    expect(code).toBe(0);
    expect(stderr).toContain('1 at 16 bits, 1 of 2 in float: 0.04 MB');
    expect(statSync(join(folder, 'sized.onnx')).size).toBeLessThanOrEqual(45_000);
    expect(await countOf('sized.onnx', 'QuantizeLinear')).toBe(2);
    expect(await countOf('sized.onnx', 'MatMul')).toBe(3);
  });

  test('that all in integers do not meet ends with 99', async () => {
    const { code, stderr } = await quantize('missed.onnx', '--target-size', '1kB');
    expect(code).toBe(99);
    expect(stderr).toMatch(/With no operator kept in float it is 0\.0\d MB/);
    expect(existsSync(join(folder, 'missed.onnx'))).toBe(true);
  });

  test.each([
    [['--target-latency', '0.5x'], /has to measure/],
    [['--target-size', '1MB', '--eval-data', 'x', '--max-drop', '1'], /exclude each other/],
    [['--target-size', '1MB', '--mode', 'dynamic'], /--target-size is for --mode static/],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await quantize('bad.onnx', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('weights only', () => {
  const bits = ['--mode', 'weight-only', '--compute', 'nbits', '--embedding-bits', '4', '--minimum-size', '64'];
  const quantizeWeights = (name: string, ...more: string[]) =>
    runCli(['quantize', model, '-o', join(folder, name), '--no-measure', ...bits, ...more]);
  const widths = async (name: string): Promise<number[]> => {
    const { graph } = await loadModel(join(folder, name));
    return [...graph.nodes()]
      .filter(({ opType }) => opType === 'MatMulNBits')
      .map((node) => node.attributes.int('bits', 4));
  };

  test.each([[], ['--calibration-data', data]])('fill a size with more bits (%j)', async (...given) => {
    expect((await quantizeWeights('four.onnx', '--overwrite')).code).toBe(0);
    const least = statSync(join(folder, 'four.onnx')).size;
    expect((await quantizeWeights('eight.onnx', '--overwrite', '--bits', '8')).code).toBe(0);
    const most = statSync(join(folder, 'eight.onnx')).size;
    const target = Math.round((least + most) / 2 + 500);
    const { code, stderr } = await quantizeWeights(
      'mixed.onnx',
      '--overwrite',
      ...given,
      '--target-size',
      `${target}B`,
    );
    expect(code, stderr).toBe(0);
    expect((await widths('mixed.onnx')).sort()).toEqual([4, 8]);
    expect(statSync(join(folder, 'mixed.onnx')).size).toBeLessThanOrEqual(target);
  });

  test('get more bits until the metric falls by no more than was allowed', async () => {
    const evaluation = ['--eval-data', data, '--metric', 'kl'];
    const all = await quantizeWeights('kl.onnx', ...evaluation, '--max-drop', '1', '--report', join(folder, 'kl.json'));
    expect(all.code, all.stderr).toBe(0);
    const report = anyReport.parse(JSON.parse(readFileSync(join(folder, 'kl.json'), 'utf8')));
    if (!('passes' in report) || !report.evaluation) throw new Error('no evaluation');
    const kl = report.evaluation.models[1].metrics[0].value!;
    const { code, stderr } = await quantizeWeights('dropped.onnx', ...evaluation, '--max-drop', String(0.9 * kl));
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('1 with more bits: kl falls by');
    expect(await widths('dropped.onnx')).toContain(8);
  });
});
