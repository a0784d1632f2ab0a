// Every importance of `dsopt prune --granularity channels` beside the others: metric / agreement in % and KL of what is left at some shares of the
// multiply-accumulates, as a Markdown table. All of them are repaired alike, and the last two rows not at all. Flags behind `--` are those of
// `dsopt prune`, with data to calibrate and to evaluate.
//   npm run build && npx tsc -p tsconfig.bench.json && node dist-bench/bench/pruning/importances.js [--targets 80,65,50,35] [--only l1,l2] model.onnx --
//     --calibration-data cifar10/train --samples 512 --eval-data cifar10/test --metric top1 --image-mean .485,.456,.406 --image-std .229,.224,.225
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import type { CompressionReport, ErrorReport } from '../../src/report/index.js';

const everyImportance =
  'reconstruction,output-error,activation,taylor,l1,l2,geometric-mean,fpgm,batchnorm-scale,random,reconstruction alone,l2 alone';
const separator = process.argv.indexOf('--');
const { values, positionals } = parseArgs({
  args: process.argv.slice(2, separator),
  allowPositionals: true,
  options: { targets: { type: 'string', default: '80,65,50,35' }, only: { type: 'string', default: everyImportance } },
});
const flags = process.argv.slice(separator + 1);
const targets = values.targets.split(',');
const folder = mkdtempSync(join(tmpdir(), 'dsopt-importances-'));
try {
  console.log(`| importance | ${targets.map((target) => `${target} %`).join(' | ')} |`);
  console.log(`| --- |${targets.map(() => ' --- |').join('')}`);
  for (const row of values.only.split(',')) {
    const cells: string[] = [];
    for (const target of targets) cells.push(await prune(row, target));
    console.log(`| ${row} | ${cells.join(' | ')} |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function prune(row: string, target: string): Promise<string> {
  const [importance, alone] = row.split(' ');
  const { stdout } = await execa(
    'node',
    [
      ...['bin/dsopt.js', 'prune', positionals[0], '-o', join(folder, 'pruned.onnx'), '--overwrite', '--json', '-q'],
      ...['--importance', importance, '--target-macs', `${target}%`, '--no-measure'],
      ...['--calibration-cache', join(folder, 'cache'), ...(alone ? ['--no-reconstruct'] : []), ...flags],
    ],
    { reject: false, maxBuffer: 1 << 28 },
  );
  const report = JSON.parse(stdout) as CompressionReport | ErrorReport;
  if ('error' in report) return report.error.message;
  const result = report.evaluation?.models.at(-1);
  if (!result) return 'nothing was evaluated';
  const percent = (figure?: { value: number | null }): string => (100 * (figure?.value ?? Number.NaN)).toFixed(2);
  const [agreement, kl] = ['agreement', 'kl'].map((name) => result.fidelity.find((figure) => figure.name === name));
  return `${percent(result.metrics[0])} / ${percent(agreement)}, ${kl?.value?.toPrecision(3)}`;
}
