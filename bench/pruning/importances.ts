// Every importance of `dsopt prune --granularity channels` beside the others: metric / agreement in % and KL of what is left at some shares of the
// multiply-accumulates, as a Markdown table. All of them are repaired alike, and the last two rows not at all. Behind the first `--` come flags of
// `dsopt prune`, behind the second those of `dsopt eval`.
//   npm run build && npx tsc -p tsconfig.bench.json && node dist-bench/bench/pruning/importances.js [--targets 80,65,50,35] [--only l1,l2] model.onnx
//     -- --calibration-data cifar10/train --samples 512 --image-mean .485,.456,.406 --image-std .229,.224,.225
//     -- --data cifar10/test --metric top1 --image-mean .485,.456,.406 --image-std .229,.224,.225
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import type { ErrorReport, EvaluationReport } from '../../src/report/index.js';

const everyImportance =
  'reconstruction,output-error,activation,taylor,l1,l2,geometric-mean,fpgm,batchnorm-scale,random,reconstruction alone,l2 alone';
const words = process.argv.slice(2);
const [first, second] = [words.indexOf('--'), words.lastIndexOf('--')];
const { values, positionals } = parseArgs({
  args: words.slice(0, first),
  allowPositionals: true,
  options: { targets: { type: 'string', default: '80,65,50,35' }, only: { type: 'string', default: everyImportance } },
});
const [pruneFlags, evalFlags] = [words.slice(first + 1, second), words.slice(second + 1)];
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
  const pruned = join(folder, 'pruned.onnx');
  await execa(
    'node',
    [
      ...['bin/dsopt.js', 'prune', positionals[0], '-o', pruned, '--overwrite', '-q', '--no-measure'],
      ...['--importance', importance, '--target-macs', `${target}%`, '--calibration-cache', join(folder, 'cache')],
      ...[...(alone ? ['--no-reconstruct'] : []), ...pruneFlags],
    ],
    { reject: false },
  );
  const { stdout } = await execa(
    'node',
    ['bin/dsopt.js', 'eval', positionals[0], pruned, '--json', '-q', ...evalFlags],
    { reject: false, maxBuffer: 1 << 28 },
  );
  const report = JSON.parse(stdout) as EvaluationReport | ErrorReport;
  if ('error' in report) return report.error.message;
  const result = report.models[1];
  const percent = (figure?: { value: number | null }): string => (100 * (figure?.value ?? Number.NaN)).toFixed(2);
  const [agreement, kl] = ['agreement', 'kl'].map((name) => result.fidelity.find((figure) => figure.name === name));
  return `${percent(result.metrics[0])} / ${percent(agreement)}, ${kl?.value?.toPrecision(3)}`;
}
