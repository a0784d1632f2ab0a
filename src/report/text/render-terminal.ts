// The report of a run as text for a terminal: what each pass did and skipped, how far the outputs moved, and the summary line.
import type { ChalkInstance } from 'chalk';
import { movementWarning } from '../facts/movement-warning.js';
import { slowdownWarning } from '../facts/slowdown-warning.js';
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
import { techniqueRows } from '../format/technique-rows.js';
import { alignColumns, printable } from '../format/text-table.js';
import type { CompressionReport, Fidelity, PassFacts } from '../schema/compression-report.js';
import { evaluationLines } from './render-evaluation.js';

/** All but the summary line, which is a result of its own. Lines end without a line break. */
export function renderDetails(report: CompressionReport, style: ChalkInstance): string[] {
  const width = Math.max(0, ...report.passes.map(({ pass }) => pass.length));
  // Other warnings were said before the work began.
  const warnings = [movementWarning(report), slowdownWarning(report)].filter((warning) => warning !== null);
  return [
    ...(report.calibration ? [style.dim(`calibrated with ${report.calibration}`)] : []),
    ...report.passes.flatMap((pass) => passLines(pass, width, style)),
    ...fidelityLines(report, style),
    ...transferLines(report, style),
    ...(report.evaluation ? evaluationLines(report.evaluation, style) : []),
    ...speedLines(report, style),
    ...warnings.map((warning) => style.yellow(`warning: ${printable(warning)}`)),
  ];
}

export function renderTerminal(report: CompressionReport, style: ChalkInstance): string {
  return [...renderDetails(report, style), style.bold(summaryLine(report))].join('\n');
}

function passLines(pass: PassFacts, width: number, style: ChalkInstance): string[] {
  const counts = [`${pass.changed.length} changed`];
  if (pass.skipped.length > 0) counts.push(`${pass.skipped.length} skipped`);
  const metrics = Object.entries(pass.metrics).map(([name, value]) => `${name} ${figure(value)}`);
  const idle = pass.changed.length === 0 && !pass.edited;
  const title = `${pass.pass.padEnd(width)}  ${[...counts, ...metrics].join(', ')}`;
  return [
    idle && pass.skipped.length === 0 ? style.dim(title) : title,
    ...techniqueLines(pass).map((line) => style.dim(`${' '.repeat(width)}  ${line}`)),
    ...groupReasons(pass.skipped).map(({ reason, targets }) =>
      style.dim(`${' '.repeat(width)}  skipped ${plural(targets.length, 'node')}: ${reason} (${shortList(targets)})`),
    ),
    ...pass.warnings.map((warning) => style.yellow(`${' '.repeat(width)}  warning: ${warning}`)),
  ];
}

/** Losses may be small, and are none the less something. */
function figure(value: number): string {
  return value !== 0 && Math.abs(value) < 0.1 ? String(Number(value.toPrecision(3))).replace('-', '−') : digits(value);
}

/** Which techniques were kept where. */
function techniqueLines(pass: PassFacts): string[] {
  const rows = techniqueRows(pass).map(([technique, where, before, after, measure]) => [
    technique,
    printable(where),
    before,
    '→',
    after,
    `of ${measure}`,
  ]);
  return alignColumns(rows, ['left', 'left', 'right', 'left', 'left', 'left']);
}

export function fidelityLines(
  { fidelity, target = 'cpu' }: { readonly fidelity: Fidelity | null; readonly target?: CompressionReport['target'] },
  style: ChalkInstance,
): string[] {
  if (!fidelity) return [];
  const source = fidelity.inputs === 'synthetic' ? 'seeded synthetic inputs' : 'the given samples';
  const slices = fidelity.method === 'slices' ? `, in ${plural(fidelity.slices, 'slice')}` : '';
  return [
    style.dim(
      `outputs against the original's, ${plural(fidelity.samples, 'sample')} (${source})${slices}${target === 'web' ? ', run in onnxruntime-web' : ''}:`,
    ),
    ...alignColumns(fidelity.outputs.map(outputRow), ['left', 'left', 'left', 'left']).map((line) => `  ${line}`),
    ...decodingLines(fidelity.decoding, style),
  ];
}

function decodingLines(decoding: Fidelity['decoding'], style: ChalkInstance): string[] {
  if (!decoding) return [];
  const { atLoad, inRuns } = decoding;
  if (inRuns.length === 0) {
    return [
      style.dim(
        `computed once, when the model is loaded: ${plural(atLoad, 'operator')} on constants, such as weights in few bits`,
      ),
    ];
  }
  return [
    style.yellow(
      `${plural(inRuns.length, 'operator')} on constants could be computed when the model is loaded, but run in every inference: ${printable(inRuns.slice(0, 3).join(', '))}`,
    ),
  ];
}

function transferLines({ transfer }: CompressionReport, style: ChalkInstance): string[] {
  if (!transfer) return [];
  const { input, output } = transfer;
  const parts = (['gzip', 'brotli', 'zstd'] as const).map((name) => {
    const [before, after] = [input[name], output[name]];
    if (before === null || after === null) return `${name} not in this Node.js`;
    return `${name} ${formatBytes(before)} → ${formatBytes(after)} (${formatChange(before, after)})`;
  });
  return [`${style.dim('compressed for transfer:')} ${parts.join(', ')}`];
}

function speedLines({ timing, written, target }: CompressionReport, style: ChalkInstance): string[] {
  const { latency, notMeasured } = timing;
  if (!latency) return written && notMeasured ? [style.dim(`speed not measured: ${notMeasured}`)] : [];
  const { input, output, ratio, runs, threads, inputs } = latency;
  const shapes = Object.entries(inputs).map(([name, shape]) => `${printable(name)}:${shape.join('x')}`);
  const row = (title: string, before: string, after: string): string[] => [title, before, '→', after];
  return [
    style.dim(
      `speed${target === 'web' ? ' in onnxruntime-web' : ''}, ${plural(runs, 'run')} each in turns, ${plural(threads, 'thread')}, ${shapes.join(' ')}:`,
    ),
    ...alignColumns(
      [
        [
          ...row('p50', formatMilliseconds(input.p50), formatMilliseconds(output.p50)),
          `ratio ${ratio.median.toFixed(2)} (${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)})`,
        ],
        row('session create', formatMilliseconds(input.sessionCreate), formatMilliseconds(output.sessionCreate)),
        row('memory after load', formatBytes(input.loadedMemory), formatBytes(output.loadedMemory)),
        row('peak memory', formatBytes(input.peakMemory), formatBytes(output.peakMemory)),
      ],
      ['left', 'right', 'left', 'left', 'left'],
    ).map((line) => `  ${line}`),
  ];
}

function outputRow({ name, identical, ...figures }: Fidelity['outputs'][number]): string[] {
  if (identical) return [printable(name), 'identical'];
  const { cosine, sqnr, maxAbsError, nonFinite, differentShapes } = figures;
  const problems = [
    ...(nonFinite > 0 ? [`${plural(nonFinite, 'element')} not finite any more`] : []),
    ...(differentShapes > 0 ? [`other shapes in ${plural(differentShapes, 'sample')}`] : []),
  ];
  return [
    printable(name),
    `cosine ${formatCosine(cosine)}`,
    `SQNR ${formatDecibels(sqnr)}`,
    [`max abs error ${formatError(maxAbsError)}`, ...problems].join(', '),
  ];
}

/** The first names, and how many more. */
function shortList(names: readonly string[], most = 2): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
