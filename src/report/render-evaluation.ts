// Evaluated models side by side, as text for a terminal.
import { basename } from 'node:path';
import type { ChalkInstance } from 'chalk';
import type { EvaluationReport } from './evaluation-report.js';
import { digits, formatBytes, formatDecibels, formatError } from './format.js';
import { alignColumns, printable } from './text-table.js';

type Model = EvaluationReport['models'][number];
type MetricValue = Model['metrics'][number];

const percentMetrics = new Set(['top1', 'top5', 'accuracy', 'f1', 'f1-macro', 'agreement']);

export function renderEvaluation(report: EvaluationReport, style: ChalkInstance): string {
  const { models, data, environment, threads, batch } = report;
  const names = models[0]?.metrics.map(({ name }) => name) ?? [];
  const several = models.length > 1 && report.evalCommand === null;
  const header = ['', 'size', ...names.flatMap((name) => (several ? [name, 'difference'] : [name]))];
  if (several) header.push('agreement', 'KL', 'SQNR');
  const rows = models.map((model, index) => [
    printable(basename(model.path)),
    formatBytes(model.bytes),
    ...names.flatMap((name) => {
      const metric = model.metrics.find((candidate) => candidate.name === name) ?? null;
      return several ? [formatFigure(metric), index === 0 ? '' : formatDifference(metric)] : [formatFigure(metric)];
    }),
    ...(several ? formatFidelity(model, index) : []),
  ]);
  const [title, ...lines] = alignColumns([header, ...rows], ['left', ...header.slice(1).map(() => 'right' as const)]);
  const notes = [
    printable(data.description),
    ...(report.evalCommand === null
      ? [`95 % intervals; batch ${batch}; ${threads === 1 ? '1 thread' : `${threads} threads`}`]
      : []),
    `onnxruntime ${environment.onnxruntime ?? '?'}`,
  ];
  const broken = models.filter(({ nonFinite }) => nonFinite > 0);
  return [
    style.cyan(title),
    ...lines,
    style.dim(notes.join('; ')),
    ...(several
      ? [style.dim('differences, agreement, KL (nats) and SQNR are from the first model; * more than chance explains')]
      : []),
    ...broken.map(({ path, nonFinite }) =>
      style.yellow(`${printable(basename(path))}: outputs of ${nonFinite} samples are not finite`),
    ),
  ].join('\n');
}

/** `88.33 % (87.1–89.4)`, `53.02 (51.9–54.1)`. */
function formatFigure(metric: Omit<MetricValue, 'difference'> | null): string {
  if (!metric || metric.value === null) return metric ? 'not finite' : '';
  const { name, value, interval } = metric;
  const number = numberFormat(name);
  const unit = unitOf(name);
  return `${number(value)}${unit}${interval ? ` (${number(interval.low)}–${number(interval.high)})` : ''}`;
}

/** `−0.30 pp (−0.95–+0.34)`, with a star where it is no chance. */
function formatDifference(metric: MetricValue | null): string {
  const difference = metric?.difference;
  if (!metric || !difference || difference.value === null) return '';
  const number = numberFormat(metric.name);
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${number(value)}`;
  const { interval } = difference;
  const unit = percentMetrics.has(metric.name) ? ' pp' : unitOf(metric.name);
  const range = interval ? ` (${signed(interval.low)}…${signed(interval.high)})` : '';
  return `${signed(difference.value)}${unit}${range}${difference.significant ? '*' : ''}`;
}

function formatFidelity({ fidelity }: Model, index: number): string[] {
  if (index === 0) return ['', '', ''];
  const find = (name: string) => fidelity.find((metric) => metric.name === name) ?? null;
  const agreement = find('agreement');
  const kl = find('kl');
  const sqnr = find('sqnr');
  return [
    agreement?.value == null ? '' : `${(agreement.value * 100).toFixed(2)} %`,
    kl?.value == null ? '' : formatError(Math.max(0, kl.value)),
    sqnr === null ? '' : formatDecibels(sqnr.value),
  ];
}

function unitOf(name: string): string {
  if (percentMetrics.has(name)) return ' %';
  return name === 'sqnr' ? ' dB' : '';
}

/** A real minus sign, and four significant digits at least. */
function numberFormat(name: string): (value: number) => string {
  const minus = (text: string): string => text.replace('-', '−');
  if (percentMetrics.has(name)) return (value) => minus((value * 100).toFixed(2));
  if (name === 'nats-per-byte' || name === 'cosine') return (value) => minus(value.toFixed(4));
  if (name === 'sqnr') return (value) => minus(value.toFixed(2));
  return (value) => (Math.abs(value) >= 1 ? minus(value.toFixed(Math.abs(value) < 1000 ? 2 : 0)) : digits(value));
}
