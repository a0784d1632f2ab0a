import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();
let model: string;
beforeAll(async () => {
  model = await writePerceptron(folder);
});

describe('dsopt prune', () => {
  test('writes model.pruned.onnx beside the model, smaller and run', async () => {
    const { code, stdout } = await runCli(['prune', model, '--ratio', '0.5', '--no-measure']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^model\.onnx 65\.\d kB → model\.pruned\.onnx/);
    expect(statSync(join(folder, 'model.pruned.onnx')).size).toBeLessThan(statSync(model).size * 0.7);
  });

  test('--dry-run --explain lists what would go, and writes nothing', async () => {
    const output = join(folder, 'dry.onnx');
    const { code, stdout } = await runCli([
      ...['prune', model, '-o', output, '--granularity', 'channels', '--ratio', '0.5'],
      ...['--dry-run', '--explain'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ neurons +128 +64 /);
    expect(stdout).toContain('is an output of the model');
    expect(existsSync(output)).toBe(false);
  });

  test('a target that cannot be met gives what can be reached, and exit code 99', async () => {
    const output = join(folder, 'missed.onnx');
    const { code, stderr } = await runCli(['prune', model, '-o', output, '--target-size', '1kB', '--no-measure']);
    expect(code).toBe(99);
    expect(stderr).toMatch(/cannot be met/);
    expect(existsSync(output)).toBe(true);
  });

  test('a target of latency is measured, and missed with exit code 99', async () => {
    const output = join(folder, 'latency.onnx');
    const { code, stderr } = await runCli(['prune', model, '-o', output, '--target-latency', '0.01x']);
    expect(code).toBe(99);
    expect(stderr).toMatch(/The latency (is \d|could not be measured)|cannot be met/);
    expect(existsSync(output)).toBe(true);
  });

  test.each([
    [['--ratio', '0.5', '--target-macs', '50%'], /--ratio and --target-macs exclude each other/],
    [['--target-latency', '0.5x', '--no-measure'], /has to measure/],
    [['--ratio', '1.5'], /ratio/],
    [['--target-macs', '0%'], /between 0 and 1/],
    [['--granularity', 'chanels'], /channels/],
    [['--importance', 'reconstruction'], /real inputs/],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await runCli(['prune', model, '-o', join(folder, 'bad.onnx'), ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, 'bad.onnx'))).toBe(false);
  });
});
