// The facts of one model as text for a terminal.
import type { ChalkInstance } from 'chalk';
import { formatBytes, formatCount, formatMagnitude, plural } from '../format/format.js';
import { alignColumns, printable } from '../format/text-table.js';
import type { InspectionReport } from '../schema/inspection-report.js';

/** Operators beyond this many are summed up. */
const mostOperators = 16;

export function renderInspection(report: InspectionReport, style: ChalkInstance): string {
  const { model } = report;
  const opsets = Object.entries(model.opsets).map(([domain, version]) => `${printable(domain || 'opset')} ${version}`);
  const parts = [
    formatBytes(model.bytes),
    plural(model.nodes, 'node'),
    ...opsets,
    `IR version ${report.irVersion}`,
    ...(report.producer ? [`made by ${printable(report.producer)}`] : []),
    ...(report.subgraphs > 0 ? [plural(report.subgraphs, 'subgraph')] : []),
    ...(report.functions.length > 0 ? [plural(report.functions.length, 'local function')] : []),
  ];
  return [
    `${style.bold(printable(model.path ?? 'model'))}  ${parts.join(' · ')}`,
    ...files(report),
    ...section('inputs', report.inputs.map(valueRow), ['left', 'left'], style),
    ...section('outputs', report.outputs.map(valueRow), ['left', 'left'], style),
    ...section('dynamic axes', axisRows(report), ['left', 'left'], style),
    ...section('metadata', metadataRows(report), ['left', 'left'], style),
    ...section('weights by type', typeRows(report), ['left', 'right', 'right'], style),
    ...section(
      operatorTitle(report),
      operatorRows(report),
      ['left', 'right', 'right', 'right', 'right', 'right'],
      style,
    ),
    ...section('largest tensors', tensorRows(report), ['left', 'left', 'right', 'right', 'left'], style),
  ].join('\n');
}

function section(
  title: string,
  rows: readonly (readonly string[])[],
  alignments: readonly ('left' | 'right')[],
  style: ChalkInstance,
): string[] {
  if (rows.length === 0) return [];
  return ['', style.cyan(title), ...alignColumns(rows, alignments).map((line) => `  ${line}`)];
}

function files({ model }: InspectionReport): string[] {
  const data = model.files.slice(1);
  return data.length === 0 ? [] : [`weights in ${data.map(({ path }) => printable(path)).join(', ')}`];
}

function valueRow({ name, type, shape }: InspectionReport['inputs'][number]): string[] {
  const dims = shape?.map((dim) => (typeof dim === 'string' ? printable(dim) : (dim ?? '?'))).join(', ');
  return [printable(name), `${type}${dims === undefined ? '' : ` [${dims}]`}`];
}

function axisRows({ dynamicAxes }: InspectionReport): string[][] {
  return Object.entries(dynamicAxes).map(([symbol, places]) => [printable(symbol), printable(places.join(', '))]);
}

function metadataRows({ metadata }: InspectionReport): string[][] {
  return Object.entries(metadata).map(([key, value]) => [
    printable(key),
    printable(value.length > 80 ? `${value.slice(0, 79)}…` : value),
  ]);
}

function typeRows({ model }: InspectionReport): string[][] {
  const total = sum(Object.values(model.weightBytes));
  return Object.entries(model.weightBytes).map(([type, bytes]) => [type, formatBytes(bytes), share(bytes, total)]);
}

function operatorTitle({ macs }: InspectionReport): string {
  const shapes = Object.entries(macs.inputShapes).map(([name, shape]) => `${printable(name)}:${shape.join('x')}`);
  const uncounted = macs.uncounted > 0 ? `; ${plural(macs.uncounted, 'node')} of unknown shape not counted` : '';
  return `operators, and ${formatMagnitude(macs.total)} multiply-accumulates at ${shapes.join(' ') || 'fixed shapes'}${uncounted}`;
}

function operatorRows({ operators, macs }: InspectionReport): string[][] {
  const bytes = sum(operators.map(({ weightBytes }) => weightBytes));
  const row = (name: string, nodes: number, weightBytes: number, count: number): string[] => [
    name,
    formatCount(nodes),
    weightBytes > 0 ? formatBytes(weightBytes) : '',
    weightBytes > 0 ? share(weightBytes, bytes) : '',
    count > 0 ? formatMagnitude(count) : '',
    count > 0 ? share(count, macs.total) : '',
  ];
  const shown = operators.slice(0, mostOperators);
  const rest = operators.slice(mostOperators);
  return [
    ['', 'nodes', 'weights', '', 'MACs', ''],
    ...shown.map(({ operator, nodes, weightBytes, macs: count }) =>
      row(printable(operator), nodes, weightBytes, count),
    ),
    ...(rest.length > 0
      ? [
          row(
            `${rest.length} more`,
            sum(rest.map(({ nodes }) => nodes)),
            sum(rest.map(({ weightBytes }) => weightBytes)),
            sum(rest.map((operator) => operator.macs)),
          ),
        ]
      : []),
  ];
}

function tensorRows({ largestTensors, model }: InspectionReport): string[][] {
  const total = sum(Object.values(model.weightBytes));
  return largestTensors.map(({ name, dataType, shape, bytes, usedBy }) => [
    printable(name),
    `${dataType} [${shape.join(', ')}]`,
    formatBytes(bytes),
    share(bytes, total),
    printable(usedBy.join(', ')),
  ]);
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${((part / whole) * 100).toFixed(1)} %` : '';
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
