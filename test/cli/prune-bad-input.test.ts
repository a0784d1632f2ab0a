// What `dsopt prune` says to ratios, targets and models that it cannot work with, with its exit codes; no broken file is ever left.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadModel, parseModel, saveModel } from '../../src/index.js';
import { randomModel } from '../analysis/channel-groups/removal.js';
import { fixturePath } from '../fixture-models.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();
const header = '<ir_version: 10, opset_import: ["" : 17]>';
let perceptron: string;
beforeAll(async () => {
  perceptron = await writePerceptron(folder);
});

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  await saveModel(randomModel(`${header} ${text}`), path);
  return path;
}

let run = 0;
async function prune(model: string, ...args: string[]) {
  const output = join(folder, `pruned-${run++}.onnx`);
  return { output, ...(await runCli(['prune', model, '-o', output, '--no-measure', ...args])) };
}

async function shapesOf(path: string): Promise<Record<string, readonly number[]>> {
  const { graph } = await loadModel(path);
  return Object.fromEntries([...graph.initializers].map(({ name, constant }) => [name, constant!.shape]));
}

test('a ratio that would empty a layer leaves one unit of it, and says so', async () => {
  const { code, stderr, output } = await prune(perceptron, '--ratio', '0.999');
  expect(code).toBe(0);
  expect(stderr).toMatch(/would leave nothing of 1 of 1 groups: one unit of each stays/);
  expect(await shapesOf(output)).toEqual({ w1_values: [64, 1], w2_values: [1, 64] });
});

test.each(['0', '1', '-0.5', 'half'])('the ratio %s is refused', async (ratio) => {
  const { code, stderr, output } = await prune(perceptron, `--ratio=${ratio}`);
  expect(code).toBe(2);
  expect(stderr).toMatch(/ratio/);
  expect(existsSync(output)).toBe(false);
});

test('a ratio that would leave no residual block leaves one', async () => {
  const { code, stderr } = await prune(
    fixturePath('resnet20_cifar10.onnx'),
    '--granularity',
    'layers',
    '--ratio',
    '0.99',
    '--dry-run',
  );
  expect(code).toBe(0);
  expect(stderr).toMatch(/would leave none of the 7 residual blocks: one stays/);
});

test.each([
  ['--target-macs', '0.1%'],
  ['--target-size', '100B'],
])('%s %s cannot be met: what can be reached is written, exit code 99 says what that is', async (...target) => {
  const { code, stderr, output } = await prune(perceptron, ...target);
  expect(code).toBe(99);
  expect(stderr).toMatch(/cannot be met: \d+\.\d % is left/);
  expect(await shapesOf(output)).toEqual({ w1_values: [64, 1], w2_values: [1, 64] });
});

test('groups that touch outputs stay, with the reason', async () => {
  const model = await write(
    'output',
    'graph (float[n,4] x) => (float[n,6] y, float[n,2] z) <float[4,6] a = {...}, float[6,2] b = {...}> { y = MatMul (x, a) z = MatMul (y, b) }',
  );
  const { code, stdout, output } = await prune(model, '--ratio', '0.5', '--explain');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^y +y is an output of the model$/m);
  expect(await shapesOf(output)).toEqual({ a: [4, 6], b: [6, 2] });
});

test('a model that is pruned already is pruned further', async () => {
  const first = await prune(perceptron, '--ratio', '0.5');
  const second = await prune(first.output, '--ratio', '0.5');
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(await shapesOf(second.output)).toEqual({ w1_values: [64, 32], w2_values: [32, 64] });
});

test('quantized weights stay, with the reason', async () => {
  const quantized = join(folder, 'quantized.onnx');
  expect((await runCli(['quantize', perceptron, '-o', quantized, '--no-measure'])).code).toBe(0);
  const { code, stdout, stderr } = await prune(quantized, '--ratio', '0.5', '--explain');
  expect(code).toBe(0);
  expect(`${stdout}${stderr}`).toMatch(/quantized already/);
});

test('a dynamic shape that hides the channels is named', async () => {
  const model = await write(
    'dynamic',
    'graph (float[n,3,h,w] x) => (float[n,k] y) <float[5,3,1,1] a = {...}> { s = Conv (x, a) y = Flatten (s) }',
  );
  const { code, stdout } = await prune(model, '--ratio', '0.5', '--explain');
  expect(code).toBe(0);
  expect(stdout).toMatch(/mixes channels with an axis of unknown length/);
});

test('what comes from a damaged or unreadable model', async () => {
  expect((await prune(join(folder, 'none.onnx'))).code).toBe(5);
  const path = join(folder, 'cycle.txt');
  await saveModel(parseModel(`${header} graph (float[n,4] x) => (float[n,4] y) { y = Relu (x) }`), path);
  expect((await prune(path)).code).toBe(0);
});

test('importances, scopes and granularities that there are not are named beside those there are', async () => {
  for (const [flag, value, known] of [
    ['--importance', 'l3', /l1.*l2.*geometric-mean.*fpgm.*batchnorm-scale.*activation.*taylor.*random/s],
    ['--scope', 'everywhere', /(?=.*local)(?=.*global)(?=.*isomorphic)/s],
    ['--granularity', 'rows', /weights.*channels.*heads.*neurons.*layers.*vocabulary/s],
  ] as const) {
    const { code, stderr } = await prune(perceptron, flag, value);
    expect(code).toBe(2);
    expect(stderr).toMatch(known);
  }
});

test.each(['reconstruction', 'output-error', 'activation', 'taylor'])(
  'importance %s without data is refused',
  async (importance) => {
    const { code, stderr } = await prune(perceptron, '--importance', importance);
    expect(code).toBe(2);
    expect(stderr).toMatch(/real inputs[\s\S]*--calibration-data/);
  },
);

test('a vocabulary without data is refused', async () => {
  const { code, stderr } = await prune(perceptron, '--granularity', 'vocabulary');
  expect(code).toBe(2);
  expect(stderr).toMatch(/real inputs/);
});

test('--dry-run --explain prints the groups as a table', async () => {
  const { code, stdout } = await prune(
    fixturePath('cnn-batchnorm.onnx'),
    '--granularity',
    'channels',
    '--ratio',
    '0.5',
    '--dry-run',
    '--explain',
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^group +kind +units +left +made by +summed over by +weights\n\S+ +channels +8 +4 +\S+ +\S+ +\d+$/m,
  );
});
