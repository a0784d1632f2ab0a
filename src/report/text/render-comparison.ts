// Two models side by side, as text for a terminal.
import { basename } from 'node:path';
import type { ChalkInstance } from 'chalk';
import { formatBytes, formatChange, formatCount } from '../format/format.js';
import { alignColumns, printable } from '../format/text-table.js';
import type { ComparisonReport } from '../schema/comparison-report.js';
import { evaluationLines } from './render-evaluation.js';
import { fidelityLines } from './render-terminal.js';

export function renderComparison(report: ComparisonReport, style: ChalkInstance): string {
  const [a, b] = report.models;
  const name = (path: string | null): string => printable(path === null ? 'model' : basename(path));
  const rows = [
    ['', name(a.path), name(b.path), 'change'],
    sizeRow('files', a.bytes, b.bytes),
    ...keys(a.weightBytes, b.weightBytes).map((type) =>
      sizeRow(`  ${type}`, a.weightBytes[type] ?? 0, b.weightBytes[type] ?? 0),
    ),
    countRow('nodes', a.nodes, b.nodes),
    ...keys(a.operators, b.operators)
      .filter((operator) => a.operators[operator] !== b.operators[operator])
      .map((operator) => countRow(`  ${printable(operator)}`, a.operators[operator] ?? 0, b.operators[operator] ?? 0)),
  ];
  const [title, ...lines] = alignColumns(rows, ['left', 'right', 'right', 'right']);
  return [
    style.cyan(title),
    ...lines,
    ...report.differences.map((difference) => style.yellow(printable(difference))),
    '',
    ...fidelityLines(report, style),
    '',
    ...evaluationLines(report.evaluation, style),
  ].join('\n');
}

function sizeRow(title: string, before: number, after: number): string[] {
  return [title, formatBytes(before), formatBytes(after), formatChange(before, after)];
}

function countRow(title: string, before: number, after: number): string[] {
  const difference = after - before;
  const change = difference === 0 ? '' : `${difference > 0 ? '+' : '−'}${formatCount(Math.abs(difference))}`;
  return [title, formatCount(before), formatCount(after), change];
}

function keys(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}
