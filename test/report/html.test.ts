import { expect, test } from 'vitest';
import { escapeHtml, html, Markup } from '../../src/report/html/markup.js';
import type { CompressionReport } from '../../src/report/index.js';
import { renderReport } from '../../src/report/index.js';
import { anyReport } from '../../src/report/schema/report-schema.js';

const hostile = '<img src=x onerror=alert(1)>"\'&\u202e';

const speed = (factor: number) => ({
  p50: 10 * factor,
  p95: 12 * factor,
  p99: 13 * factor,
  mean: 10 * factor,
  throughput: 100 / factor,
  sessionCreate: 50,
  loadedMemory: 5e7,
  peakMemory: 1e8,
  quantiles: Array.from({ length: 21 }, (_, step) => (9 + step / 4) * factor),
});
const counts = Array.from({ length: 40 }, (_, bin) => bin);
const bars = { low: -1, high: 1, counts };
const evaluated = (value: number) => ({
  path: hostile,
  bytes: 10,
  metrics: [
    {
      name: 'accuracy',
      value,
      interval: { low: value - 0.02, high: value + 0.02 },
      difference: {
        value: -0.01,
        interval: { low: -0.02, high: 0.001 },
        significant: false,
        pValue: 0.3,
        gained: 1,
        lost: 2,
      },
    },
  ],
  fidelity: [{ name: 'kl', value: 1e-5, interval: null }],
  nonFinite: 0,
});

const report: CompressionReport = {
  schema: 'dsopt.report/1',
  command: 'quantize',
  seed: 0,
  input: {
    path: `/models/${hostile}.onnx`,
    files: [],
    bytes: 2_000_000,
    weightBytes: { float32: 1_900_000, int64: 80 },
    nodes: 12,
    operators: {},
    opsets: { '': 17 },
  },
  output: {
    path: '/models/b.onnx',
    files: [],
    bytes: 600_000,
    weightBytes: { int8: 500_000, float32: 60_000 },
    nodes: 14,
    operators: {},
    opsets: { '': 17 },
  },
  written: true,
  target: 'cpu',
  passes: [
    {
      pass: 'quantize-dynamic',
      options: {},
      edited: true,
      changed: [{ target: hostile, what: 'int8 product' }],
      skipped: [{ target: 'tiny', reason: hostile }],
      metrics: {},
      warnings: [hostile],
    },
  ],
  calibration: null,
  fidelity: {
    inputs: 'synthetic',
    samples: 3,
    method: 'whole',
    slices: 1,
    worst: null,
    outputs: [
      { name: hostile, identical: false, cosine: 0.999, sqnr: 30, maxAbsError: 0.1, nonFinite: 0, differentShapes: 0 },
    ],
  },
  evaluation: {
    data: { path: 'dev.tsv', description: hostile, examples: 60 },
    evalCommand: null,
    output: hostile,
    batch: 1,
    threads: 1,
    models: [evaluated(0.9), evaluated(0.89)],
    limit: { metric: 'accuracy', maxDrop: '1 pp', amount: 1, kept: true },
  },
  weights: [
    { group: hostile, input: { float32: 1_000_000 }, output: { int8: 250_000 } },
    { group: 'encoder/layer.1', input: { float32: 900_000 }, output: { int8: 225_000 } },
  ],
  nodes: {
    samples: 2,
    nodes: [
      { node: hostile, operator: 'MatMul', sqnr: 30, cosine: 0.99 },
      { node: 'same', operator: 'MatMul', sqnr: null, cosine: 1 },
    ],
    worst: [{ node: hostile, weights: bars, original: bars, result: bars }],
  },
  transfer: null,
  warnings: [hostile],
  environment: { dsopt: '0.1.0', node: '20', platform: 'linux-x64', cpu: hostile, cores: 2, onnxruntime: '1.30.0' },
  timing: {
    started: '2026-01-01T00:00:00.000Z',
    milliseconds: 1000,
    phases: [{ phase: 'quantize-dynamic', milliseconds: 10 }],
    peakMemory: 1,
    latency: {
      input: speed(1),
      output: speed(0.5),
      ratio: { median: 0.5, lower: 0.49, upper: 0.52 },
      runs: 40,
      threads: 1,
      inputs: {},
    },
    inference: [],
    notMeasured: null,
  },
};

/** Start tags, each as written. */
const tagsOf = (page: string): string[] => page.match(/<[a-z][^>]*>/gi) ?? [];

test('the report is valid, and the page needs nothing but itself', async () => {
  expect(anyReport.safeParse(report).error).toBeUndefined();
  const page = await renderReport(report, '.html');
  const names = new Set(tagsOf(page).map((tag) => /<([a-z0-9]+)/i.exec(tag)![1].toLowerCase()));
  for (const name of ['script', 'img', 'link', 'iframe', 'object', 'image', 'use', 'foreignobject']) {
    expect(names.has(name)).toBe(false);
  }
  expect(page).not.toMatch(/url\((?!#)|@import|\bon\w+="/);
  expect(page.match(/https?:\/\/[^"' ]+/g)?.every((url) => url.startsWith('http://www.w3.org/'))).toBe(true);
  expect(page).toContain('prefers-color-scheme: dark');
  expect(page).toContain('name="viewport"');
});

test('nothing of a model becomes a tag, in text, attributes or pictures', async () => {
  const page = await renderReport(report, '.html');
  expect(page).not.toContain('<img');
  expect(page).not.toContain('\u202e');
  expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
  for (const tag of tagsOf(page)) expect(tag).not.toMatch(/onerror=alert\(1\)[^&]*>$/);
});

test('it tells what was measured', async () => {
  const page = await renderReport(report, '.html');
  const text = page.replace(/<style>[\s\S]*?<\/style>|<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  for (const part of [
    '−70.0 %',
    '2.0 MB → 600.0 kB',
    '89.00 %',
    '95 % interval 87.00–91.00 %; difference −1.00 pp',
    '−50.0 %',
    'p50 10.0 → 5.00 ms',
    '1 changed',
  ]) {
    expect(text).toContain(part);
  }
  // Data type, parts, latency, nodes, and two distributions: each wide and narrow.
  expect(page.match(/<svg/g)).toHaveLength(12);
  expect(page).not.toMatch(/fill="#0[0-9a-c]{5}"/);
});

test('and does without what was not', async () => {
  const bare: CompressionReport = {
    ...report,
    output: null,
    written: false,
    fidelity: null,
    calibration: null,
    evaluation: null,
    weights: null,
    nodes: null,
    passes: [],
    warnings: [],
    timing: { ...report.timing, latency: null, notMeasured: 'not asked for' },
  };
  const page = await renderReport(bare, '.html');
  expect(page).toContain('was not compared with the original');
  expect(page.match(/<svg/g)).toHaveLength(2);
});

test('a pass that trained shows its losses', async () => {
  const [first] = report.passes;
  const curves = {
    loss: [
      [1, 2],
      [2, 1.5],
      [3, 1.2],
    ] as [number, number][],
    [hostile]: [
      [0, 2],
      [3, 1],
    ] as [number, number][],
  };
  const page = await renderReport({ ...report, passes: [{ ...first, curves }] }, '.html');
  expect(page.match(/<svg/g)).toHaveLength(14);
  expect(page).toContain('>Training</h2>');
  expect(page).not.toContain('<img src=x');
  expect(anyReport.safeParse({ ...report, passes: [{ ...first, curves }] }).success).toBe(true);
});

test('markup escapes what is put into it, and nothing twice', () => {
  expect(html`<b title="${'"'}">${'<'}${new Markup('<i>')}${[html`${'&'}`, 'x']}${null}</b>`.text).toBe(
    '<b title="&quot;">&lt;<i>&amp;x</b>',
  );
  expect(escapeHtml('a\u0000b')).toBe('a\\u{0}b');
});
