// Figures of metrics as people read them: with their intervals, their units and a real minus sign.
import type { EvaluationReport } from '../schema/evaluation-report.js';
import { digits, formatDecibels, formatError } from './format.js';

type Model = EvaluationReport['models'][number];
/** A figure of a metric, with its difference from the first model where there is one. */
export type MetricFigure = Model['metrics'][number];

const percentMetrics = new Set(['top1', 'top5', 'accuracy', 'f1', 'f1-macro', 'agreement']);

/** `88.33 % (87.14–89.43)`, `53.02 (51.9–54.1)`. */
export function formatFigure(metric: Omit<MetricFigure, 'difference'> | null): string {
  if (!metric || metric.value === null) return metric ? 'not finite' : '';
  const { name, value, interval } = metric;
  const number = numberFormat(name);
  const range = interval ? ` (${number(interval.low)}–${number(interval.high)})` : '';
  return `${number(value)}${unitOf(name)}${range}`;
}

/** `87.14–89.43 %`: where the figure lies with 95 % confidence; empty where that is not known. */
export function formatInterval({ name, interval }: Pick<MetricFigure, 'name' | 'interval'>): string {
  const number = numberFormat(name);
  return interval ? `${number(interval.low)}–${number(interval.high)}${unitOf(name)}` : '';
}

/** `−0.30 pp (−0.95…+0.34)`, with a star where it is no chance. */
export function formatDifference(metric: MetricFigure | null): string {
  const difference = metric?.difference;
  if (!metric || !difference || difference.value === null) return '';
  const number = numberFormat(metric.name);
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${number(value)}`;
  const { interval } = difference;
  const unit = percentMetrics.has(metric.name) ? ' pp' : unitOf(metric.name);
  const range = interval ? ` (${signed(interval.low)}…${signed(interval.high)})` : '';
  return `${signed(difference.value)}${unit}${range}${difference.significant ? '*' : ''}`;
}

/** `accuracy 85.78 → 85.67 %`; where the original has no figure, the result's alone. */
export function formatMove({ name }: { readonly name: string }, before: number | null, after: number | null): string {
  const number = numberFormat(name);
  const result = after === null ? 'not finite' : `${number(after)}${unitOf(name)}`;
  return before === null ? `${name} ${result}` : `${name} ${number(before)} → ${result}`;
}

/** Agreement, KL divergence and SQNR of a model with the first, with intervals; empty where they are not defined. */
export function formatFidelity({ fidelity }: Pick<Model, 'fidelity'>): string[] {
  const find = (name: string) => fidelity.find((metric) => metric.name === name) ?? null;
  const kl = find('kl');
  const sqnr = find('sqnr');
  const divergence = (value: number): string => formatError(Math.max(0, value));
  return [
    formatFigure(find('agreement')),
    kl?.value == null
      ? ''
      : `${divergence(kl.value)}${kl.interval ? ` (${divergence(kl.interval.low)}–${divergence(kl.interval.high)})` : ''}`,
    sqnr === null ? '' : sqnr.value === null ? formatDecibels(null) : formatFigure(sqnr),
  ];
}

function unitOf(name: string): string {
  if (percentMetrics.has(name)) return ' %';
  return name === 'sqnr' ? ' dB' : '';
}

function numberFormat(name: string): (value: number) => string {
  const minus = (text: string): string => text.replace('-', '−');
  if (percentMetrics.has(name)) return (value) => minus((value * 100).toFixed(2));
  if (name === 'nats-per-byte' || name === 'cosine') return (value) => minus(value.toFixed(4));
  if (name === 'sqnr') return (value) => minus(value.toFixed(1));
  return (value) => (Math.abs(value) >= 1 ? minus(value.toFixed(Math.abs(value) < 1000 ? 2 : 0)) : digits(value));
}
