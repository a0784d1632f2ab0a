import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.js';
import { anyReport } from '../../src/report/schema/report-schema.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writeConvolution, writePerceptron } from './small-models.js';

const folder = temporaryFolder();
let model: string;
beforeAll(async () => {
  model = await writePerceptron(folder);
});

test('writes model.int8.onnx beside the model and says so in the last line', async () => {
  const { code, stdout, stderr } = await runCli(['quantize', model]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^model\.onnx 65\.\d kB → model\.int8\.onnx \d+\.\d kB \(−\d\d\.\d %\)/);
  expect(stdout.trimEnd()).not.toContain('\n');
  expect(stderr).toContain('--mode dynamic: matrix products do 100 % of the multiplications');
  const written = join(folder, 'model.int8.onnx');
  expect(statSync(written).size).toBeLessThan(statSync(model).size / 3);
  const operators = [...(await loadModel(written)).allNodes()].map((node) => node.opType);
  expect(operators).toContain('MatMulInteger');
});

test('the same run twice gives the same bytes, and reports that differ in timing only', async () => {
  const report = join(folder, 'report.json');
  const run = async () => {
    const path = join(folder, 'twice.onnx');
    await runCli(['quantize', model, '-o', path, '--overwrite', '--quiet', '--report', report]);
    const { timing: _timing, ...rest } = JSON.parse(readFileSync(report, 'utf8'));
    return { bytes: readFileSync(path), rest };
  };
  const [first, second] = [await run(), await run()];
  expect(second.rest).toEqual(first.rest);
  expect(first.bytes.equals(second.bytes)).toBe(true);
});

test('--dry-run writes nothing and still tells the size', async () => {
  const before = readdirSync(folder);
  const { code, stdout } = await runCli(['quantize', model, '-o', join(folder, 'dry.onnx'), '--dry-run']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^model\.onnx 65\.\d kB → \d+\.\d kB/);
  expect(readdirSync(folder)).toEqual(before);
});

test('the size a dry run tells is the size that is written', async () => {
  const dry = JSON.parse((await runCli(['quantize', model, '--dry-run', '--json'])).stdout);
  const path = join(folder, 'wet.onnx');
  await runCli(['quantize', model, '-o', path]);
  expect(dry.output.bytes).toBe(statSync(path).size);
});

describe('--json', () => {
  test('prints a report that its schema accepts', async () => {
    const { code, stdout } = await runCli(['quantize', model, '-o', join(folder, 'json.onnx'), '--json']);
    expect(code).toBe(0);
    const report = anyReport.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ command: 'quantize', written: true, seed: 0 });
  });
});

test('--quiet leaves the last line only', async () => {
  const { stdout, stderr } = await runCli(['quantize', model, '-o', join(folder, 'quiet.onnx'), '--quiet']);
  expect(stderr).toBe('');
  expect(stdout.split('\n')).toHaveLength(2);
});

test('--exclude is recorded, and every target has its reason', async () => {
  const args = ['quantize', model, '--dry-run', '--json', '--exclude', 'y'];
  const { passes } = JSON.parse((await runCli(args)).stdout);
  const quantize = passes.find(({ pass }: { pass: string }) => pass === 'quantize-dynamic');
  expect(quantize.changed).toHaveLength(1);
  expect(quantize.skipped).toEqual([{ target: 'y', reason: 'excluded' }]);
});

test('lists of operators may be given with commas, and each is checked', async () => {
  const run = (operators: string) =>
    runCli([
      'quantize',
      model,
      '-o',
      join(folder, 'listed.onnx'),
      '--overwrite',
      '--json',
      '--dry-run',
      '--operators',
      operators,
    ]);
  const { code, stdout } = await run('MatMul,Gemm, Gather');
  expect(code).toBe(0);
  const { passes } = JSON.parse(stdout);
  const { options } = passes.find(({ pass }: { pass: string }) => pass === 'quantize-dynamic');
  expect(options.operators).toEqual(['MatMul', 'Gemm', 'Gather']);
  const refused = await run('MatMul,Gem');
  expect(refused.code).toBe(2);
});

test('warns of convolutions before it writes, and names what helps', async () => {
  const path = await writeConvolution(folder);
  const { code, stderr } = await runCli(['quantize', path]);
  expect(code).toBe(0);
  expect(stderr).toContain('--mode static --calibration-data DIR');
  const warning = stderr.indexOf('Convolutions on dynamically quantized integers are slower than in float');
  expect(warning).toBeGreaterThanOrEqual(0);
  expect(warning).toBeLessThan(stderr.indexOf('write …'));
  expect(stderr).toContain('static INT8');
});

test('writes reports as Markdown too', async () => {
  const report = join(folder, 'report.md');
  await runCli(['quantize', model, '-o', join(folder, 'md.onnx'), '--report', report]);
  const text = readFileSync(report, 'utf8');
  expect(text).toMatch(/^\*\*model\.onnx 65\.\d kB → md\.onnx/);
  expect(text).toContain('| `quantize-dynamic` | 2 | 0 |');
});

test.each(['float16', 'bfloat16'])('a report of nodes that compute in %s', async (mode) => {
  const report = join(folder, `${mode}.json`);
  const { code } = await runCli([
    'quantize',
    model,
    '-o',
    join(folder, `${mode}.onnx`),
    '--mode',
    mode,
    '--report',
    report,
  ]);
  expect(code).toBe(0);
  const { nodes } = JSON.parse(readFileSync(report, 'utf8')).nodes;
  expect(nodes).toHaveLength(2);
  for (const { sqnr } of nodes) expect(sqnr).toBeGreaterThan(30);
});

test('a report in every format; two runs differ in their timing only', async () => {
  const run = async (name: string) => {
    const paths = ['json', 'md', 'html'].map((format) => join(folder, `${name}.${format}`));
    const reports = paths.flatMap((path) => ['--report', path]);
    const { code } = await runCli(['quantize', model, '-o', join(folder, 'r.onnx'), '--overwrite', ...reports]);
    expect(code).toBe(0);
    return { report: JSON.parse(readFileSync(paths[0], 'utf8')), page: readFileSync(paths[2], 'utf8') };
  };
  const [first, second] = [await run('first'), await run('second')];
  expect(anyReport.parse(first.report)).toEqual(first.report);
  expect({ ...first.report, timing: null }).toEqual({ ...second.report, timing: null });
  expect(first.report.nodes.nodes).toHaveLength(2);
  expect(first.report.nodes.nodes[0].sqnr).toBeGreaterThan(20);
  expect(first.report.nodes.worst[0].weights.counts.reduce((sum: number, count: number) => sum + count)).toBe(64 * 128);
  expect(first.page).toContain('Error by node');
});

test('weights go to files of their own when asked', async () => {
  const path = join(folder, 'external.onnx');
  const { code } = await runCli(['quantize', model, '-o', path, '--external-data', 'always', '--shard-size', '10kB']);
  expect(code).toBe(0);
  expect(existsSync(`${path}.data`)).toBe(true);
  expect(existsSync(`${path}.data_1`)).toBe(true);
  await loadModel(path);
});

test('Ctrl-C ends with 130 and leaves nothing', async () => {
  const before = readdirSync(folder);
  const { code, stderr } = await runCli(['quantize', model, '-o', join(folder, 'interrupted.onnx')], {
    onLog: (log, interrupt) => {
      if (log.endsWith('quantize-dynamic …\n')) interrupt();
    },
  });
  expect(code).toBe(130);
  expect(stderr).toContain('Interrupted');
  expect(readdirSync(folder)).toEqual(before);
});

test('--mode weight-only stores matrices in 4 bits, and refuses flags of other modes', async () => {
  const output = join(folder, 'four.onnx');
  const wanted = ['quantize', model, '-o', output, '--mode', 'weight-only', '--preset', 'smallest'];
  const { code } = await runCli(wanted);
  expect(code).toBe(0);
  const types = [...(await loadModel(output)).graph.initializers].map(({ constant }) => constant?.dataType);
  expect(types).toContain('int4');
  const refused = await runCli([...wanted, '--overwrite', '--weight-type', 'uint8']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--weight-type is not for --mode weight-only');
});
