// Compressed models evaluated beside their originals: what it cost, and what is refused.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compress, loadModel } from '../../src/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { anyReport } from '../../src/report/schema/report-schema.js';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();
const data = join(folder, 'labelled.npz');
let model: string;

beforeAll(async () => {
  model = await writePerceptron(folder);
  const random = createRandom(3);
  writeFileSync(
    data,
    npz({
      x: { dataType: 'float32', shape: [40, 64], data: Float32Array.from({ length: 40 * 64 }, () => random.normal()) },
      labels: {
        dataType: 'int64',
        shape: [40],
        data: BigInt64Array.from({ length: 40 }, () => BigInt(random.int(64))),
      },
    }),
  );
});

test('original and result are evaluated on the same samples, and the last line and the reports say so', async () => {
  const [json, markdown] = ['evaluated.json', 'evaluated.md'].map((name) => join(folder, name));
  const { code, stdout, stderr } = await runCli([
    ...['quantize', model, '-o', join(folder, 'evaluated.onnx'), '--eval-data', data, '--metric', 'top5'],
    ...['--samples', '20', '--max-drop', '100', '--report', json, '--report', markdown],
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/ · top5 \d+\.\d\d → \d+\.\d\d % · cosine /);
  expect(stderr).toContain('evaluate …');
  expect(stderr).toMatch(/20 of 40 rows of .*labelled\.npz, evenly spread/);
  const report = anyReport.parse(JSON.parse(readFileSync(json, 'utf8')));
  if (!('passes' in report) || !report.evaluation) throw new Error('no evaluation');
  const { models, limit } = report.evaluation;
  expect(models.map(({ path }) => path)).toEqual([model, join(folder, 'evaluated.onnx')]);
  expect(models[1].metrics[0].difference).toMatchObject({ interval: { low: expect.any(Number) } });
  expect(models[1].fidelity.map(({ name }) => name)).toEqual(['agreement', 'kl', 'sqnr']);
  expect(limit).toMatchObject({ metric: 'top5', maxDrop: '100 pp', kept: true });
  expect(readFileSync(markdown, 'utf8')).toContain('top5 may fall by 100 pp: kept');
});

describe('a result that is worse than allowed', () => {
  test('ends with 99, leaves no file, and still has its report', async () => {
    const report = join(folder, 'missed.json');
    const before = readdirSync(folder);
    const { code, stderr, stdout } = await runCli([
      ...['quantize', model, '-o', join(folder, 'missed.onnx'), '--eval-data', data],
      ...['--metric', 'kl', '--max-drop', '0', '--report', report],
    ]);
    expect(code).toBe(99);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/THRESHOLD kl .*more than --max-drop 0 allows; nothing was written/);
    expect(readdirSync(folder)).toEqual([...before, 'missed.json'].sort());
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      written: false,
      evaluation: { limit: { kept: false } },
    });
  });

  test('leaves an existing output as it was', async () => {
    const output = join(folder, 'kept.onnx');
    writeFileSync(output, 'the old one');
    const limit = ['--data', data, '--metric', 'kl', '--max-drop', '0'];
    const { code } = await runCli(['quantize', model, '-o', output, '--overwrite', ...limit]);
    expect(code).toBe(99);
    expect(readFileSync(output, 'utf8')).toBe('the old one');
  });

  test('is told by a dry run too', async () => {
    const limit = ['--eval-data', data, '--metric', 'kl', '--max-drop', '0'];
    expect((await runCli(['quantize', model, '--dry-run', ...limit])).code).toBe(99);
    const { code, stdout } = await runCli(['quantize', model, '--dry-run', '--eval-data', data, '--json']);
    expect(code).toBe(0);
    const { evaluation, output } = JSON.parse(stdout);
    expect(evaluation.models[1]).toMatchObject({ path: null, bytes: output.bytes });
  });
});

describe('a program evaluates', () => {
  const program = (code: string, name: string): string => {
    const path = join(folder, name);
    writeFileSync(path, code);
    return `node ${path} {model}`;
  };

  test('original and result, and its figure counts for --max-drop', async () => {
    const size =
      'import { statSync } from "node:fs"; console.log(JSON.stringify({ megabytes: statSync(process.argv[2]).size / 1e6 }));';
    const command = program(size, 'size.mjs');
    const output = join(folder, 'program.onnx');
    const run = (limit: string) =>
      runCli(['quantize', model, '-o', output, '--eval-command', command, '--max-drop', limit]);
    // A figure that dsopt does not know is better when higher.
    const missed = await run('50%');
    expect(missed.code).toBe(99);
    expect(missed.stderr).toMatch(/megabytes changed by −0\.04\d, more than --max-drop 50 % allows/);
    expect(existsSync(output)).toBe(false);
    const kept = await run('90%');
    expect(kept.code).toBe(0);
    expect(kept.stdout).toMatch(/megabytes 0\.066 → 0\.0\d\d · cosine/);
  });

  test('and fails before anything is computed', async () => {
    const output = join(folder, 'program-fails.onnx');
    const command = program('process.exit(3);', 'fails.mjs');
    const { code, stderr } = await runCli(['quantize', model, '-o', output, '--eval-command', command]);
    expect(code).toBe(2);
    expect(stderr).toContain('exit code 3');
    expect(stderr).not.toContain('quantize-dynamic …');
  });
});

describe('what would fail late fails early', () => {
  test.each([
    [['--eval-data', 'no-such-folder'], 5, 'Cannot read no-such-folder'],
    [['--eval-data', data, '--metric', 'top2'], 2, 'There is no metric top2'],
    [['--eval-data', data, '--metric', 'sqnr', '--max-drop', '1'], 2, 'no sqnr of the original'],
    [['--eval-data', data, '--max-drop', 'little'], 2, 'max-drop cannot be "little"'],
    [['--metric', 'top1'], 2, '--metric needs data to evaluate on'],
    [['--eval-data', data, '--eval-command', 'node x.js {model}'], 2, 'two ways of evaluating'],
  ])('%j', async (args, exitCode, message) => {
    const { code, stderr } = await runCli(['quantize', model, '-o', join(folder, 'early.onnx'), ...args]);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('quantize-dynamic …');
    expect(code).toBe(exitCode);
  });
});

describe('a recipe says how its result is evaluated', () => {
  const recipes = join(folder, 'recipes');
  beforeAll(() => mkdirSync(recipes));
  const recipe = (name: string, text: string): string => {
    const path = join(recipes, name);
    writeFileSync(path, text);
    return path;
  };
  const steps = 'version: 1\nsteps:\n  - pass: quantize-dynamic\n';

  test('with data whose path starts at its folder', async () => {
    const path = recipe('ok.yaml', `${steps}evaluation:\n  data: ../labelled.npz\n  metric: top5\n  samples: 10\n`);
    const output = join(folder, 'recipe.onnx');
    const { code, stdout } = await runCli(['run', path, '-i', model, '-o', output]);
    expect(code).toBe(0);
    expect(stdout).toContain('· top5 ');
    const missed = await runCli([
      'run',
      path,
      '-i',
      model,
      '-o',
      output,
      '--overwrite',
      '--metric',
      'kl',
      '--max-drop',
      '0',
    ]);
    expect(missed.code).toBe(99);
  });

  test('and is told where it is wrong', async () => {
    const path = recipe('bad.yaml', `${steps}evaluation:\n  data: ../labelled.npz\n  metrik: top1\n`);
    const { code, stderr } = await runCli(['run', path, '-i', model, '-o', join(folder, 'bad.onnx')]);
    expect(code).toBe(2);
    expect(stderr).toContain('bad.yaml:6:3: evaluation has no option metrik');
    expect(stderr).toContain('Did you mean metric?');
  });

  test('in the library as well', async () => {
    const evaluation = { data, metric: 'top5' };
    const recipe = { version: 1, steps: [{ pass: 'quantize-dynamic' }], evaluation } as const;
    const { report } = await compress(await loadModel(model), { recipe });
    expect(report.evaluation?.data.examples).toBe(40);
    expect(report.evaluation?.models[1].bytes).toBe(report.output?.bytes);
    const strict = { ...recipe, evaluation: { data, metric: 'kl', maxDrop: 0 } };
    await expect(compress(await loadModel(model), { recipe: strict })).rejects.toMatchObject({ code: 'THRESHOLD' });
  });
});
