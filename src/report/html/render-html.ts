// The report of a run as one HTML file that needs nothing else: no network, no script, light and dark, readable on a phone.

import { basename } from 'node:path';
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
import { formatDifference, formatFidelity, formatFigure, formatInterval } from '../format/format-metric.js';
import { groupReasons } from '../format/skip-reasons.js';
import { worstCosine } from '../format/summary-line.js';
import { techniqueHeader, techniqueRows } from '../format/technique-rows.js';
import type { CompressionReport } from '../schema/compression-report.js';
import type { NodeComparison } from '../schema/node-comparison.js';
import { distribution, latencyDistribution, nodeErrors, sizeByGroup, sizeByType } from './charts.js';
import { curveCharts } from './curve-section.js';
import { drawChart } from './draw-chart.js';
import { html, Markup } from './markup.js';
import { pageStyle } from './page-style.js';

export async function renderHtml(report: CompressionReport): Promise<string> {
  const { input, output } = report;
  const name = basename(input.path ?? 'model');
  const result = report.written && output?.path ? basename(output.path) : null;
  const title = result ? `${name} → ${result}` : name;
  const sections = [
    ...warningSection(report),
    await sizeSection(report),
    ...evaluationSection(report),
    ...(await speedSection(report)),
    ...fidelitySection(report),
    ...(await nodeSection(report.nodes)),
    ...curveSection(await curveCharts(report)),
    passSection(report),
  ];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Markup(pageStyle)}</style>
</head>
<body><main>
<h1>${title}</h1>
<p class="muted">${plural(input.nodes, 'node')}, opset ${input.opsets[''] ?? '?'}${result || !output ? null : '; nothing was written'}</p>
<div class="cards">${headline(report)}</div>
${sections}
${footer(report)}
</main></body>
</html>
`;
  return page.text;
}

function card(name: string, value: string, note: string, tone: 'good' | 'bad' | '' = ''): Markup {
  return html`<div class="card"><div class="name">${name}</div><div class="value ${tone}">${value}</div><div class="note">${note}</div></div>`;
}

function headline(report: CompressionReport): Markup[] {
  const { input, output, evaluation, timing, fidelity } = report;
  const cards: Markup[] = [];
  if (output) {
    const tone = output.bytes < input.bytes ? 'good' : '';
    cards.push(
      card(
        'Size',
        formatChange(input.bytes, output.bytes),
        `${formatBytes(input.bytes)} → ${formatBytes(output.bytes)}`,
        tone,
      ),
    );
  }
  if (report.transfer) {
    const { gzip: before } = report.transfer.input;
    const { gzip: after, brotli } = report.transfer.output;
    const note = `gzip ${formatBytes(before)} → ${formatBytes(after)}, brotli ${formatBytes(brotli)}`;
    cards.push(card('Transfer', formatChange(before, after), note, after < before ? 'good' : ''));
  }
  const metric = evaluation?.models[1].metrics[0] ?? null;
  if (evaluation && metric) {
    const difference = formatDifference(metric);
    const worse = metric.difference?.significant ? 'bad' : '';
    const moved = difference ? `difference ${difference}` : 'no figure of the original';
    const interval = formatInterval(metric);
    const note = interval ? `95 % interval ${interval}; ${moved}` : moved;
    cards.push(card(metric.name, formatFigure({ ...metric, interval: null }), note, worse));
  }
  if (timing.latency) {
    const { input: before, output: after, ratio } = timing.latency;
    // Turns are compared with each other: what slows the machine down for a while slows both.
    const tone = ratio.upper < 1 ? 'good' : ratio.lower > 1 ? 'bad' : '';
    cards.push(
      card(
        'Latency',
        formatChange(1, ratio.median),
        `p50 ${digits(before.p50)} → ${formatMilliseconds(after.p50)}`,
        tone,
      ),
    );
    cards.push(
      card(
        'Peak memory',
        formatChange(before.peakMemory, after.peakMemory),
        `${formatBytes(before.peakMemory)} → ${formatBytes(after.peakMemory)}`,
      ),
    );
  }
  const cosine = fidelity && worstCosine(fidelity);
  if (cosine !== null) cards.push(card('Outputs', formatCosine(cosine), 'cosine with the original, worst output'));
  return cards;
}

function section(title: string, ...content: readonly (Markup | readonly Markup[] | null)[]): Markup {
  return html`<section><h2>${title}</h2>${content}</section>
`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): Markup {
  const cells = (tag: 'th' | 'td', row: readonly string[]): Markup[] =>
    row.map((cell, column) => {
      const text = html`${cell}`;
      if (column === 0) return tag === 'th' ? html`<th>${text}</th>` : html`<td>${text}</td>`;
      return tag === 'th' ? html`<th class="number">${text}</th>` : html`<td class="number">${text}</td>`;
    });
  const body = rows.map((row) => html`<tr>${cells('td', row)}</tr>`);
  return html`<div class="scroll"><table><thead><tr>${cells('th', header)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function warningSection(report: CompressionReport): Markup[] {
  const all = allWarnings(report);
  if (all.length === 0) return [];
  return [html`<section class="warning">${all.map((warning) => html`<p>${warning}</p>`)}</section>`];
}

async function sizeSection(report: CompressionReport): Promise<Markup> {
  const byType = await drawChart(sizeByType(report), {
    height: 100,
    label: 'bytes of weights by data type, before and after',
  });
  const { weights } = report;
  if (!weights || weights.length < 2) return section('Weights by data type', byType);
  const height = 44 + weights.length * 30;
  const byGroup = await drawChart(sizeByGroup(weights), { height, label: 'bytes of weights by part of the model' });
  return html`${section('Weights by data type', byType)}${section('Weights by part of the model', byGroup)}`;
}

const fidelityTitles = ['agreement with the original', 'KL divergence from it', 'SQNR against it'];

function evaluationSection({ evaluation }: CompressionReport): Markup[] {
  if (!evaluation) return [];
  const { models, data, limit } = evaluation;
  const [before, after] = models;
  const rows = [
    ...after.metrics.map((metric) => [
      metric.name,
      formatFigure(before.metrics.find(({ name }) => name === metric.name) ?? null),
      formatFigure(metric),
      formatDifference(metric),
    ]),
    ...formatFidelity(after).flatMap((figure, index) => (figure ? [[fidelityTitles[index], '', figure, '']] : [])),
  ];
  const kept = limit && (limit.kept ? html`<span class="good">kept</span>` : html`<span class="bad">missed</span>`);
  return [
    section(
      'Task',
      table(['', 'before', 'after', 'difference'], rows),
      html`<p><small>On ${data.description}. 95 % intervals; differences are paired, * more than chance explains.</small></p>`,
      limit && html`<p>${limit.metric} may fall by ${limit.maxDrop}: ${kept}</p>`,
    ),
  ];
}

async function speedSection({ timing }: CompressionReport): Promise<Markup[]> {
  const { latency } = timing;
  if (!latency) return [];
  const { input, output, ratio, runs, threads } = latency;
  const row = (title: string, before: number, after: number, format: (value: number) => string): string[] => [
    title,
    format(before),
    format(after),
    formatChange(before, after),
  ];
  const rows = [
    row('p50', input.p50, output.p50, formatMilliseconds),
    row('p95', input.p95, output.p95, formatMilliseconds),
    row('p99', input.p99, output.p99, formatMilliseconds),
    row('throughput', input.throughput, output.throughput, (value) => `${digits(value)} /s`),
    row('session create', input.sessionCreate, output.sessionCreate, formatMilliseconds),
    row('memory after load', input.loadedMemory, output.loadedMemory, formatBytes),
    row('peak memory', input.peakMemory, output.peakMemory, formatBytes),
  ];
  const chart = await drawChart(latencyDistribution(latency), {
    height: 230,
    label: 'share of inferences that take at most so many milliseconds',
  });
  return [
    section(
      'Speed',
      table(['', 'before', 'after', 'change'], rows),
      html`<h3 style="margin-top:18px">Share of inferences that take at most so long</h3>`,
      chart,
      html`<p><small>Ratio ${ratio.median.toFixed(2)} (quartiles ${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)}): ${plural(runs, 'run')} each, in turns, ${plural(threads, 'thread')}, synthetic inputs; the slowest 5 % are not drawn.</small></p>`,
    ),
  ];
}

function fidelitySection({ fidelity }: CompressionReport): Markup[] {
  if (!fidelity) return [section('Outputs', html`<p>The result was not compared with the original.</p>`)];
  const source = fidelity.inputs === 'synthetic' ? 'seeded synthetic inputs, not real data' : 'given samples';
  const rows = fidelity.outputs.map(({ name, identical, cosine, sqnr, maxAbsError, nonFinite }) => [
    name,
    identical ? 'identical' : formatCosine(cosine),
    identical ? '' : formatDecibels(sqnr),
    identical ? '' : formatError(maxAbsError),
    String(nonFinite),
  ]);
  return [
    section(
      'Outputs against the original',
      table(['output', 'cosine', 'SQNR', 'max abs error', 'not finite'], rows),
      html`<p><small>${plural(fidelity.samples, 'sample')} (${source}).</small></p>`,
    ),
  ];
}

async function nodeSection(nodes: NodeComparison | null): Promise<Markup[]> {
  if (!nodes || nodes.worst.length === 0) return [];
  const noisy = nodes.nodes.filter(({ sqnr }) => sqnr !== null).sort((a, b) => a.sqnr! - b.sqnr!);
  const chart = await drawChart(nodeErrors(nodes), {
    height: 240,
    label: 'signal to noise of node outputs in graph order',
  });
  const rows = noisy
    .slice(0, 10)
    .map(({ node, operator, sqnr, cosine }) => [node, operator, formatDecibels(sqnr), formatCosine(cosine)]);
  const figures = await Promise.all(nodes.worst.map(distributionFigures));
  return [
    section(
      'Error by node',
      html`<p><small>Outputs of nodes with weights against those of the original, on ${plural(nodes.samples, 'synthetic sample')}; errors made earlier are included. Lower is worse.</small></p>`,
      chart,
      table(['worst nodes', 'operator', 'SQNR', 'cosine'], rows),
    ),
    section(
      'Distributions of the worst nodes',
      html`<p><small><span class="key" style="background:var(--c2)"></span>weights before <span class="key" style="background:var(--before)"></span>outputs before <span class="key" style="background:var(--after)"></span>outputs after; heights are logarithmic.</small></p>`,
      html`<div class="grid">${figures.flat()}</div>`,
    ),
  ];
}

async function distributionFigures({
  node,
  weights,
  original,
  result,
}: NodeComparison['worst'][number]): Promise<Markup[]> {
  const size = { height: 130, width: 420 };
  const outputs = await drawChart(distribution(original, result), { ...size, label: `outputs of ${node}` });
  const own = weights && (await drawChart(distribution(weights, null), { ...size, label: `weights of ${node}` }));
  return [
    ...(own ? [html`<div><h3>${node}<br><span class="muted">weights</span></h3>${own}</div>`] : []),
    html`<div><h3>${node}<br><span class="muted">outputs</span></h3>${outputs}</div>`,
  ];
}

function curveSection(charts: readonly Markup[]): Markup[] {
  return charts.length > 0 ? [section('Training', charts)] : [];
}

function passSection({ passes, timing, calibration }: CompressionReport): Markup {
  const milliseconds = new Map(timing.phases.map(({ phase, milliseconds }) => [phase, milliseconds]));
  const items = passes.map((facts) => {
    const { pass, changed, skipped, metrics, edited } = facts;
    const time = milliseconds.get(pass);
    const counts = [
      `${changed.length} changed`,
      ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
      ...(time === undefined ? [] : [formatMilliseconds(time)]),
    ].join(' · ');
    const groups = groupReasons(changed.map(({ target, what }) => ({ target, reason: what })));
    const lines = [
      ...groups.map(
        ({ reason, targets }) =>
          html`<li>${plural(targets.length, 'node')}: ${reason} <span class="muted">(${shortList(targets)})</span></li>`,
      ),
      ...groupReasons(skipped).map(
        ({ reason, targets }) =>
          html`<li>skipped ${plural(targets.length, 'node')}: ${reason} <span class="muted">(${shortList(targets)})</span></li>`,
      ),
      ...Object.entries(metrics).map(([name, value]) => html`<li>${name}: ${digits(value)}</li>`),
    ];
    const summary = html`<summary><code>${pass}</code><span class="counts">${counts}</span></summary>`;
    const techniques = techniqueRows(facts);
    const tried = techniques.length > 0 && [
      html`<h3>Techniques, on samples that they were not fitted to</h3>`,
      table(techniqueHeader, techniques),
    ];
    const content =
      lines.length > 0 ? html`<ul>${lines}</ul>${tried || null}` : html`<p class="muted">It found nothing to do.</p>`;
    return edited || skipped.length > 0
      ? html`<details>${summary}${content}</details>`
      : html`<details class="idle">${summary}${content}</details>`;
  });
  const source = calibration ? [html`<p class="muted">Calibrated with ${calibration}.</p>`] : [];
  return section('Pass by pass', [...source, ...items]);
}

function shortList(names: readonly string[], most = 4): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

function footer({ environment, seed, timing, command }: CompressionReport): Markup {
  const { dsopt, node, platform, cpu, cores, onnxruntime } = environment;
  const seconds = (timing.milliseconds / 1000).toFixed(1);
  return html`<footer>dsopt ${dsopt} ${command} · ${timing.started.slice(0, 16).replace('T', ' ')} UTC, ${seconds} s · onnxruntime ${onnxruntime ?? 'not installed'} · Node.js ${node} · ${platform} · ${cores} × ${cpu} · seed ${seed}</footer>`;
}
