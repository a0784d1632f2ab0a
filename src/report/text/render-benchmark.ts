// Measured models side by side, as text for a terminal.
import { basename } from 'node:path';
import type { ChalkInstance } from 'chalk';
import { digits, formatBytes, plural } from '../format/format.js';
import { alignColumns, printable } from '../format/text-table.js';
import type { BenchmarkReport } from '../schema/benchmark-report.js';

export function renderBenchmark(report: BenchmarkReport, style: ChalkInstance): string {
  const { models, batch, runs, threads, engine, environment } = report;
  const header = ['', 'size', 'p50 ms', 'p95 ms', 'p99 ms', 'per second', 'create ms', 'peak memory', 'p50 ratio'];
  const rows = models.map(({ path, bytes, latency, throughput, sessionCreate, peakMemory, ratio }, index) => [
    printable(basename(path)),
    formatBytes(bytes),
    digits(latency.p50),
    digits(latency.p95),
    digits(latency.p99),
    digits(throughput),
    digits(sessionCreate),
    formatBytes(peakMemory),
    index === 0 ? '1' : `${ratio.median.toFixed(2)} (${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)})`,
  ]);
  const [title, ...lines] = alignColumns([header, ...rows], ['left', ...header.slice(1).map(() => 'right' as const)]);
  const shapes = Object.entries(models[0]?.inputs ?? {}).map(
    ([name, shape]) => `${printable(name)}:${shape.join('x')}`,
  );
  return [
    style.cyan(title),
    ...lines,
    style.dim(
      `${plural(runs, 'run')} each, in turns; batch ${batch}; ${plural(threads, 'thread')}; ${shapes.join(' ')}; ` +
        `${engine} on ${environment.cores} × ${environment.cpu}`,
    ),
  ].join('\n');
}
