// Evaluated models side by side, as text for a terminal.
import { basename } from 'node:path';
import type { ChalkInstance } from 'chalk';
import { formatBytes } from '../format/format.js';
import { formatDifference, formatFidelity, formatFigure } from '../format/format-metric.js';
import { alignColumns, printable } from '../format/text-table.js';
import type { EvaluationReport } from '../schema/evaluation-report.js';

/** What evaluations of any report have in common. */
export type EvaluatedModels = Pick<EvaluationReport, 'data' | 'evalCommand' | 'batch' | 'threads' | 'models'>;

export function renderEvaluation(report: EvaluationReport, style: ChalkInstance): string {
  return [
    ...evaluationLines(report, style),
    style.dim(
      `onnxruntime ${report.environment.onnxruntime ?? '?'} on ${report.environment.cores} × ${report.environment.cpu}`,
    ),
  ].join('\n');
}

/** A table with a row for each model, what it was measured on, and warnings. */
export function evaluationLines(report: EvaluatedModels, style: ChalkInstance): string[] {
  const { models, data, threads, batch, evalCommand } = report;
  const several = models.length > 1;
  const onData = evalCommand === null;
  const rows = evaluationRows(report);
  const [title, ...lines] = alignColumns(rows, ['left', ...rows[0].slice(1).map(() => 'right' as const)]);
  const notes = [
    printable(data.description),
    ...(onData ? [`95 % intervals; batch ${batch}; ${threads === 1 ? '1 thread' : `${threads} threads`}`] : []),
  ];
  const broken = models.filter(({ nonFinite }) => nonFinite > 0);
  return [
    style.cyan(title),
    ...lines,
    style.dim(notes.join('; ')),
    ...(several && onData
      ? [style.dim('differences, agreement, KL (nats) and SQNR are from the first model; * more than chance explains')]
      : []),
    ...broken.map(({ path, nonFinite }) =>
      style.yellow(`${nameOf(path)}: outputs of ${nonFinite} samples are not finite`),
    ),
  ];
}

/** Header and rows; columns of what no model has are left out. */
export function evaluationRows({ models, evalCommand }: EvaluatedModels): string[][] {
  // A distance from the original is no figure of the original, so the last model tells the names.
  const names = models.at(-1)?.metrics.map(({ name }) => name) ?? [];
  const several = models.length > 1;
  const compared = several && evalCommand === null;
  const header = ['', 'size', ...names.flatMap((name) => (several ? [name, 'difference'] : [name]))];
  if (compared) header.push('agreement', 'KL', 'SQNR');
  const rows = models.map((model, index) => [
    nameOf(model.path),
    formatBytes(model.bytes),
    ...names.flatMap((name) => {
      const metric = model.metrics.find((candidate) => candidate.name === name) ?? null;
      return several ? [formatFigure(metric), index === 0 ? '' : formatDifference(metric)] : [formatFigure(metric)];
    }),
    ...(compared ? (index === 0 ? ['', '', ''] : formatFidelity(model)) : []),
  ]);
  const used = header.map((_, column) => column < 2 || rows.some((row) => row[column] !== ''));
  return [header, ...rows].map((row) => row.filter((_, column) => used[column]));
}

function nameOf(path: string | null): string {
  return path === null ? 'model' : printable(basename(path));
}
