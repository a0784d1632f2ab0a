// Runs `dsopt quantize` without options on every model below some folders, and prints what came of each as a Markdown table.
// Ends with 1 if one of them failed. Needs a build.
// Run: npm run bench:quantize-models -- ../shared/models
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import type { CompressionReport, ErrorReport, PassFacts } from '../src/report/index.js';
import { modelFiles } from './model-files.js';

const paths = modelFiles(process.argv.slice(2));
if (paths.length === 0) throw new Error('Pass folders of models');
const temporary = mkdtempSync(join(tmpdir(), 'dsopt-quantize-'));
print('model', 'kB', 'INT8 kB', 'cosine', 'SQNR dB', 'quantized', 'not quantized', 's');
print('---', '--:', '--:', '--:', '--:', '---', '---', '--:');
let failures = 0;
try {
  for (const [index, path] of paths.entries()) {
    const report = await quantize(path, join(temporary, String(index), basename(path)));
    if ('error' in report) failures++;
    print(basename(path, '.onnx'), ...('error' in report ? [report.error.message] : cellsOf(report)));
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;

async function quantize(path: string, output: string): Promise<CompressionReport | ErrorReport> {
  const { stdout } = await execa('node', ['bin/dsopt.js', 'quantize', path, '-o', output, '--json', '--quiet'], {
    reject: false,
  });
  return JSON.parse(stdout) as CompressionReport | ErrorReport;
}

function cellsOf({ input, output, fidelity, passes, timing }: CompressionReport): string[] {
  const kilobytes = (bytes = 0): string => Math.round(bytes / 1000).toString();
  const { cosine = null, sqnr = null, identical = false } = fidelity?.worst ?? {};
  const quantization = passes.find(({ pass }) => pass === 'quantize-dynamic');
  return [
    kilobytes(input.bytes),
    kilobytes(output?.bytes),
    cosine?.toFixed(5) ?? 'undefined',
    identical ? 'identical' : (sqnr?.toFixed(1) ?? 'undefined'),
    counted(quantization?.changed.map(({ what }) => what)),
    counted(quantization?.skipped.map(({ reason }) => reason)),
    (timing.milliseconds / 1000).toFixed(1),
  ];
}

/** `3 × this, 1 × that`. */
function counted(entries: PassFacts['changed'][number]['what'][] = []): string {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(entry, (counts.get(entry) ?? 0) + 1);
  return [...counts].map(([entry, count]) => `${count} × ${entry}`).join(', ') || 'nothing';
}

function print(...cells: string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
