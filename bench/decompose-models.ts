// Runs `dsopt decompose` on every model below some folders and prints what came of each as a Markdown table. By default with every operator at full
// rank, however large and slow that is, which must reproduce the outputs; flags after `--` are those of `dsopt decompose` instead.
// Ends with 1 if one failed, or at full rank has more noise than 80 dB below its signal (1e-4 of it). Needs a build.
// Run: node dist-bench/bench/decompose-models.js ../shared/models/public [-- --method low-rank --energy 0.99]
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import type { CompressionReport, ErrorReport } from '../src/report/index.js';
import { modelFiles } from './model-files.js';

const words = process.argv.slice(2);
const separator = words.indexOf('--');
const given = separator < 0 ? null : words.slice(separator + 1);
const flags = given ?? [
  '--rank',
  'full',
  '--allow-larger',
  '--no-check-speed',
  '--no-measure',
  '--minimum-size',
  '256',
];
/** Decomposing at full rank takes the time of its widest matrix to the third power. */
const mostBytes = 30e6;
const paths = modelFiles(separator < 0 ? words : words.slice(0, separator));
const temporary = mkdtempSync(join(tmpdir(), 'dsopt-decompose-'));
print('model', 'kB', 'result kB', 'cosine', 'SQNR dB', 'factorized', 'left alone', 's');
print('---', '--:', '--:', '--:', '--:', '---', '---', '--:');
let failures = 0;
try {
  for (const [index, path] of paths.entries()) {
    if (statSync(path).size > mostBytes) continue;
    const output = join(temporary, String(index), basename(path));
    const { stdout } = await execa(
      'node',
      ['bin/dsopt.js', 'decompose', path, '-o', output, '--json', '--quiet', ...flags],
      {
        reject: false,
      },
    );
    const report = JSON.parse(stdout) as CompressionReport | ErrorReport;
    if ('error' in report) failures++;
    else if (given === null && (report.fidelity?.worst?.sqnr ?? Number.POSITIVE_INFINITY) < 80) failures++;
    print(basename(path, '.onnx'), ...('error' in report ? [report.error.message] : cellsOf(report)));
    rmSync(join(temporary, String(index)), { recursive: true, force: true });
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;

function cellsOf({ input, output, fidelity, passes, timing }: CompressionReport): string[] {
  const kilobytes = (bytes = 0): string => Math.round(bytes / 1000).toString();
  const { cosine = null, sqnr = null, identical = false } = fidelity?.worst ?? {};
  const factorizing = passes.find(({ metrics }) => metrics['parameters before'] !== undefined);
  return [
    kilobytes(input.bytes),
    kilobytes(output?.bytes),
    cosine?.toFixed(7) ?? 'undefined',
    identical ? 'identical' : (sqnr?.toFixed(1) ?? 'undefined'),
    `${factorizing?.changed.length ?? 0}`,
    counted(factorizing?.skipped.map(({ reason }) => reason.replace(/[\d.,]+/g, '#')) ?? []),
    (timing.milliseconds / 1000).toFixed(1),
  ];
}

/** `3 × this, 1 × that`. */
function counted(entries: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(entry, (counts.get(entry) ?? 0) + 1);
  return [...counts].map(([entry, count]) => `${count} × ${entry}`).join(', ') || 'nothing';
}

function print(...cells: string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
