// The report of a run as Markdown that fits a pull-request comment.

import { allWarnings } from '../facts/all-warnings.js';
import {
  digits,
  formatBytes,
  formatChange,
  formatCosine,
  formatDecibels,
  formatError,
  formatMilliseconds,
  plural,
} from '../format/format.js';
import { groupReasons } from '../format/skip-reasons.js';
import { summaryLine } from '../format/summary-line.js';
import { techniqueHeader, techniqueRows } from '../format/technique-rows.js';
import type { CompressionReport } from '../schema/compression-report.js';
import { evaluationRows } from './render-evaluation.js';

export function renderMarkdown(report: CompressionReport): string {
  return `${[
    `**${plain(summaryLine(report))}**`,
    sizeTable(report),
    ...(report.fidelity ? [fidelityTable(report)] : ['The result was not compared with the original.']),
    ...evaluationSection(report),
    ...speedTable(report),
    passTable(report),
    ...techniqueTables(report),
    ...(report.calibration ? [`Calibrated with ${plain(report.calibration)}.`] : []),
    ...skipList(report),
    ...warningList(report),
    environmentLine(report),
  ].join('\n\n')}\n`;
}

function sizeTable({ input, output, transfer }: CompressionReport): string {
  const types = new Set([...Object.keys(input.weightBytes), ...Object.keys(output?.weightBytes ?? {})]);
  const row = (name: string, before: number, after: number): string[] => [
    name,
    formatBytes(before),
    formatBytes(after),
    formatChange(before, after),
  ];
  return table(
    ['bytes', 'before', 'after', 'change'],
    [
      row('files', input.bytes, output?.bytes ?? input.bytes),
      ...(['gzip', 'brotli', 'zstd'] as const).flatMap((name) => {
        const [before, after] = [transfer?.input[name], transfer?.output[name]];
        return typeof before === 'number' && typeof after === 'number' ? [row(name, before, after)] : [];
      }),
      ...[...types].map((type) => row(type, input.weightBytes[type] ?? 0, output?.weightBytes[type] ?? 0)),
    ],
  );
}

function fidelityTable({ fidelity }: CompressionReport): string {
  if (!fidelity) return '';
  const source = fidelity.inputs === 'synthetic' ? 'seeded synthetic inputs, not real data' : 'given samples';
  return `${table(
    ['output', 'cosine', 'SQNR', 'max abs error'],
    fidelity.outputs.map(({ name, cosine, sqnr, maxAbsError }) => [
      name,
      formatCosine(cosine),
      formatDecibels(sqnr),
      formatError(maxAbsError),
    ]),
  )}\n\nAgainst the original on ${plural(fidelity.samples, 'sample')} (${source}).`;
}

function evaluationSection({ evaluation }: CompressionReport): string[] {
  if (!evaluation) return [];
  const { data, limit, evalCommand } = evaluation;
  const [header, ...rows] = evaluationRows(evaluation);
  const notes = [
    `On ${plain(data.description)}${evalCommand === null ? '; 95 % intervals, differences paired (\\* more than chance explains)' : ''}.`,
    ...(limit
      ? [
          `${plain(limit.metric)} may fall by ${limit.maxDrop}: ${limit.kept ? 'kept' : '**missed**'} ` +
            `(${limit.amount === null ? 'not finite' : digits(limit.amount)}).`,
        ]
      : []),
  ];
  return [`${table(header, rows)}\n\n${notes.join(' ')}`];
}

function speedTable({ timing }: CompressionReport): string[] {
  if (!timing.latency) return [];
  const { input, output, ratio, runs, threads } = timing.latency;
  const row = (name: 'p50' | 'p95' | 'p99' | 'sessionCreate', title: string): string[] => [
    title,
    formatMilliseconds(input[name]),
    formatMilliseconds(output[name]),
    formatChange(input[name], output[name]),
  ];
  const rows = [
    row('p50', 'latency p50'),
    row('p95', 'latency p95'),
    row('p99', 'latency p99'),
    [
      'throughput',
      `${digits(input.throughput)} /s`,
      `${digits(output.throughput)} /s`,
      formatChange(input.throughput, output.throughput),
    ],
    row('sessionCreate', 'session create'),
    [
      'memory after load',
      formatBytes(input.loadedMemory),
      formatBytes(output.loadedMemory),
      formatChange(input.loadedMemory, output.loadedMemory),
    ],
    [
      'peak memory',
      formatBytes(input.peakMemory),
      formatBytes(output.peakMemory),
      formatChange(input.peakMemory, output.peakMemory),
    ],
  ];
  const spread = `${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)}`;
  return [
    `${table(['speed', 'before', 'after', 'change'], rows)}\n\nLatency ratio ${ratio.median.toFixed(2)} (quartiles ${spread}): ` +
      `${plural(runs, 'run')} each, in turns, ${plural(threads, 'thread')}, synthetic inputs.`,
  ];
}

function passTable({ passes }: CompressionReport): string {
  return table(
    ['pass', 'changed', 'skipped'],
    passes.map(({ pass, changed, skipped }) => [`\`${pass}\``, String(changed.length), String(skipped.length)]),
  );
}

function techniqueTables({ passes }: CompressionReport): string[] {
  return passes.flatMap((pass) => {
    const rows = techniqueRows(pass);
    if (rows.length === 0) return [];
    const summary = `Techniques of <code>${plain(pass.pass)}</code>, on samples that they were not fitted to`;
    return [`<details><summary>${summary}</summary>\n\n${table(techniqueHeader, rows)}\n\n</details>`];
  });
}

function skipList({ passes }: CompressionReport): string[] {
  const lines = passes.flatMap(({ pass, skipped }) =>
    groupReasons(skipped).map(
      ({ reason, targets }) =>
        `- \`${pass}\`: ${plural(targets.length, 'node')}: ${plain(reason)} (${plain(targets.slice(0, 3).join(', '))}${targets.length > 3 ? ', …' : ''})`,
    ),
  );
  if (lines.length === 0) return [];
  return [`<details><summary>Skipped, and why</summary>\n\n${lines.join('\n')}\n\n</details>`];
}

function warningList(report: CompressionReport): string[] {
  const all = allWarnings(report);
  return all.length === 0 ? [] : [all.map((warning) => `> ⚠ ${plain(warning)}`).join('\n')];
}

function environmentLine({ environment, seed }: CompressionReport): string {
  const { dsopt, node, platform, cpu, cores, onnxruntime } = environment;
  return `<sub>dsopt ${dsopt} · onnxruntime ${onnxruntime ?? 'not installed'} · Node.js ${node} · ${platform} · ${cores} × ${plain(cpu)} · seed ${seed}</sub>`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(plain).join(' | ')} |`;
  return [
    line(header),
    `|${header.map((_, index) => (index === 0 ? ' --- |' : ' ---: |')).join('')}`,
    ...rows.map(line),
  ].join('\n');
}

/** Names come from model files: they must not break tables, nor inject HTML into a comment. */
function plain(text: string): string {
  return text.replace(/[|<>*_[\]\\]/g, '\\$&').replace(/[\r\n]+/g, ' ');
}
