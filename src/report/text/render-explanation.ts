// What each node costs and would cost, as text for a terminal; the last lines are options to be pasted.
import { basename } from 'node:path';
import type { ChalkInstance } from 'chalk';
import { findMetric } from '../../metrics/index.js';
import { digits, formatBytes, formatDecibels, formatError, formatMagnitude, plural } from '../format/format.js';
import { groupReasons } from '../format/skip-reasons.js';
import { type Alignment, alignColumns, printable } from '../format/text-table.js';
import type { ExplanationReport } from '../schema/explanation-report.js';

type Node = ExplanationReport['nodes'][number];
type Effect = NonNullable<ExplanationReport['methods'][number]['all']>;

/** `top`: how many nodes are listed. */
export function renderExplanation(report: ExplanationReport, style: ChalkInstance, top: number): string {
  const { model, nodes, methods, data } = report;
  const measured = nodes.filter(({ effects }) => effects.some(({ effect }) => effect));
  const shown = measured.slice(0, top);
  const latency = new Map(report.timing.nodes.map(({ node, share }) => [node, share]));
  const metric = report.original[0]?.name ?? null;
  const judged = shown.some(({ fisher }) => fisher !== null);
  const header = [
    'node',
    'operator',
    'size',
    'MACs',
    'time',
    ...(judged ? ['Fisher'] : []),
    ...methods.flatMap(({ bits, measure }) => [
      `${bits} bit: own SQNR`,
      measure === 'kl' ? 'KL' : 'SQNR',
      'share',
      ...(metric ? [metric] : []),
    ]),
  ];
  const rows = shown.map((node) => [
    printable(node.node),
    printable(node.operator),
    formatBytes(node.bytes),
    node.macs === null ? '?' : formatMagnitude(node.macs),
    percent(latency.get(node.node) ?? null),
    ...(judged ? [node.fisher === null ? '' : formatError(node.fisher)] : []),
    ...methods.flatMap(({ measure }, index) => effectCells(node.effects[index], measure, metric)),
  ]);
  const alignments: Alignment[] = header.map((_, column) => (column < 2 ? 'left' : 'right'));
  const [title, ...lines] = alignColumns([header, ...rows], alignments);
  const head = `${printable(basename(model.path ?? 'model'))}: ${plural(measured.length, 'node')} that can be quantized, each quantized alone`;
  const hidden = measured.length - shown.length;
  return [
    style.bold(head),
    style.dim(`on ${printable(data.description)}`),
    ...(shown.length > 0 ? ['', style.cyan(title), ...lines] : []),
    ...(hidden > 0 ? [style.dim(`… and ${hidden} more (--top, --json)`)] : []),
    ...skippedLines(nodes, style),
    ...methods.flatMap((method) => methodLines(report, method, style)),
  ].join('\n');
}

function effectCells(
  { effect, share }: Node['effects'][number],
  measure: 'kl' | 'sqnr',
  metric: string | null,
): string[] {
  if (!effect) return ['', '', '', ...(metric ? [''] : [])];
  return [
    effect.ownSqnr === null ? '' : formatDecibels(effect.ownSqnr),
    formatMeasure(effect, measure),
    percent(share),
    ...(metric ? [formatDrop(effect, metric)] : []),
  ];
}

function formatMeasure(effect: Effect, measure: 'kl' | 'sqnr'): string {
  if (effect.nonFinite > 0) return 'not finite';
  const value = effect.fidelity.find(({ name }) => name === measure)?.value ?? null;
  if (measure === 'sqnr') return formatDecibels(value);
  return value === null ? '' : formatError(Math.max(value, 0));
}

/** `−0.31 pp`. */
function formatDrop(effect: Effect, metric: string): string {
  const difference = effect.metrics.find(({ name }) => name === metric)?.difference?.value ?? null;
  if (difference === null) return '';
  if (findMetric(metric)?.unit === 'percent') {
    const points = (difference * 100).toFixed(1);
    return `${difference > 0 ? '+' : ''}${points.replace('-', '−')} pp`;
  }
  return `${difference > 0 ? '+' : ''}${digits(difference)}`;
}

function percent(share: number | null): string {
  return share === null ? '' : `${(share * 100).toFixed(1)} %`;
}

function skippedLines(nodes: readonly Node[], style: ChalkInstance): string[] {
  const skipped = nodes
    .filter(({ effects }) => effects.every(({ effect }) => effect === null))
    .map(({ node, effects }) => ({ target: printable(node), reason: printable(effects[0]?.reason ?? '') }));
  return groupReasons(skipped).map(({ reason, targets }) =>
    style.dim(
      `not quantized: ${plural(targets.length, 'node')}: ${reason} (${targets.slice(0, 2).join(', ')}${targets.length > 2 ? ', …' : ''})`,
    ),
  );
}

function methodLines(
  report: ExplanationReport,
  method: ExplanationReport['methods'][number],
  style: ChalkInstance,
): string[] {
  const { bits, description, measure, all, rest, keep, exclude } = method;
  if (!all) return ['', `${bits} bits (${description}): no node can be quantized`];
  const metric = report.original[0]?.name ?? null;
  const tell = (effect: Effect): string =>
    [
      `${measure === 'kl' ? 'KL' : 'SQNR'} ${formatMeasure(effect, measure)}`,
      ...(metric ? [`${metric} ${formatDrop(effect, metric)}`] : []),
    ].join(', ');
  const lines = ['', `${style.bold(`${bits} bits`)} (${description})`, `  all nodes: ${tell(all)}`];
  if (!rest) return lines;
  const bytes = report.nodes.filter(({ node }) => keep.includes(node)).reduce((sum, node) => sum + node.bytes, 0);
  const kept = `${plural(keep.length, 'node')} kept in float (${formatBytes(bytes)} of weights)`;
  return [...lines, `  ${kept}: ${tell(rest)}`, `  ${style.green(printable(exclude))}`];
}
