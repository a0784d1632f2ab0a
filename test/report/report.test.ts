import { Chalk } from 'chalk';
import { expect, test } from 'vitest';
import type { CompressionReport } from '../../src/report/index.js';
import { renderMarkdown, renderTerminal, summaryLine } from '../../src/report/index.js';
import { anyReport, reportJsonSchema } from '../../src/report/schema/report-schema.js';

const report: CompressionReport = {
  schema: 'dsopt.report/1',
  command: 'quantize',
  seed: 0,
  input: {
    path: '/models/bert.onnx',
    files: [{ path: '/models/bert.onnx', bytes: 418_000_000 }],
    bytes: 418_000_000,
    weightBytes: { float32: 417_000_000 },
    nodes: 900,
    operators: { MatMul: 72, Add: 828 },
    opsets: { '': 14 },
  },
  output: {
    path: '/models/bert.int8.onnx',
    files: [{ path: '/models/bert.int8.onnx', bytes: 106_000_000 }],
    bytes: 106_000_000,
    weightBytes: { int8: 105_000_000, float32: 900_000 },
    nodes: 1100,
    operators: { MatMulInteger: 72, Add: 1028 },
    opsets: { '': 14 },
  },
  written: true,
  target: 'cpu',
  passes: [
    { pass: 'fold-constants', options: {}, edited: false, changed: [], skipped: [], metrics: {}, warnings: [] },
    {
      pass: 'quantize-dynamic',
      options: { weightType: 'int8' },
      edited: true,
      changed: [{ target: 'a', what: 'int8' }],
      skipped: [
        { target: 'b', reason: 'too small' },
        { target: 'c|<img>', reason: 'too small' },
        { target: 'd', reason: 'excluded' },
      ],
      metrics: {},
      warnings: ['something'],
      techniques: [
        { technique: 'rounded', measure: 'x|y', kept: true, targets: ['a', 'b'], before: 1, after: 0.25 },
        { technique: 'rounded', measure: 'x|y', kept: false, targets: ['d'], before: 1, after: 2 },
        { technique: 'in float', measure: 'outputs', kept: false, targets: ['all'], before: 0.00012, after: null },
      ],
    },
  ],
  fidelity: {
    inputs: 'synthetic',
    samples: 4,
    method: 'whole',
    slices: 1,
    worst: null,
    outputs: [
      {
        name: 'logits',
        identical: false,
        cosine: 0.9993,
        sqnr: 28.4,
        maxAbsError: 0.12,
        nonFinite: 0,
        differentShapes: 0,
      },
      { name: 'pooled', identical: true, cosine: 1, sqnr: null, maxAbsError: 0, nonFinite: 0, differentShapes: 0 },
    ],
  },
  calibration: null,
  evaluation: null,
  weights: null,
  nodes: null,
  transfer: null,
  warnings: [],
  environment: { dsopt: '0.1.0', node: '20.0.0', platform: 'linux-x64', cpu: 'EPYC', cores: 2, onnxruntime: '1.30.0' },
  timing: {
    started: '2026-01-01T00:00:00.000Z',
    milliseconds: 1000,
    phases: [{ phase: 'load', milliseconds: 10 }],
    peakMemory: 100_000_000,
    latency: {
      input: {
        p50: 62.1,
        p95: 70,
        p99: 80,
        mean: 63,
        throughput: 15.9,
        sessionCreate: 900,
        loadedMemory: 1,
        peakMemory: 600_000_000,
        quantiles: [],
      },
      output: {
        p50: 24.8,
        p95: 30,
        p99: 31,
        mean: 25,
        throughput: 40,
        sessionCreate: 400,
        loadedMemory: 1,
        peakMemory: 250_000_000,
        quantiles: [],
      },
      ratio: { median: 0.4, lower: 0.39, upper: 0.42 },
      runs: 16,
      threads: 1,
      inputs: { input_ids: [1, 16] },
    },
    inference: [],
    notMeasured: null,
  },
};

test('compressed sizes are told where they are known', () => {
  const sizes = { gzip: 3_000_000, brotli: 2_900_000, zstd: null };
  const transfer = { input: sizes, output: { gzip: 1_500_000, brotli: 1_400_000, zstd: null } };
  expect(summaryLine({ ...report, transfer })).toContain(' · gzip 3.0 MB → 1.5 MB · ');
  const text = renderTerminal({ ...report, transfer }, new Chalk({ level: 0 }));
  expect(text).toContain('gzip 3.0 MB → 1.5 MB (−50.0 %), brotli 2.9 MB → 1.4 MB (−51.7 %), zstd not in this Node.js');
  expect(renderMarkdown({ ...report, transfer })).toMatch(/\| gzip +\| 3\.0 MB/);
});

test('the summary line says what was measured', () => {
  expect(summaryLine(report)).toBe(
    'bert.onnx 418.0 MB → bert.int8.onnx 106.0 MB (−74.6 %) · cosine 0.9993 · p50 62.1 → 24.8 ms',
  );
});

test('and nothing else', () => {
  const bare = { ...report, fidelity: null, timing: { ...report.timing, latency: null } };
  expect(summaryLine(bare)).toBe('bert.onnx 418.0 MB → bert.int8.onnx 106.0 MB (−74.6 %)');
});

test('a report is what its schema says, and JSON Schema can be made of it', () => {
  expect(anyReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  expect(anyReport.safeParse({ ...report, extra: 1 }).success).toBe(false);
  expect(reportJsonSchema()).toHaveProperty('$schema');
});

test('Markdown escapes names, and sums skips up by reason', () => {
  const text = renderMarkdown(report);
  expect(text).toContain('| int8 | 0 B | 105.0 MB | new |');
  expect(text).toContain('2 nodes: too small (b, c\\|\\<img\\>)');
  expect(text).toContain('> ⚠ quantize-dynamic: something');
  expect(text).toContain('seeded synthetic inputs, not real data');
  expect(text.length).toBeLessThan(4000);
});

test('speed is told with its spread, or why there is none', () => {
  expect(renderMarkdown(report)).toContain('| latency p50 | 62.1 ms | 24.8 ms | −60.1 % |');
  expect(renderMarkdown(report)).toContain('Latency ratio 0.40 (quartiles 0.39–0.42): 16 runs each');
  const lines = renderTerminal(report, new Chalk({ level: 0 }));
  expect(lines).toContain('speed, 16 runs each in turns, 1 thread, input_ids:1x16:');
  const timing = { ...report.timing, latency: null, notMeasured: 'the original is in memory only' };
  const without = renderTerminal({ ...report, timing }, new Chalk({ level: 0 }));
  expect(without).toContain('speed not measured: the original is in memory only');
  expect(renderMarkdown({ ...report, timing })).not.toContain('latency p50');
});

test('the terminal gets one line per pass and reason, and the summary last', () => {
  const lines = renderTerminal(report, new Chalk({ level: 0 })).split('\n');
  expect(lines[0]).toBe('fold-constants    0 changed');
  expect(lines[1]).toBe('quantize-dynamic  1 changed, 3 skipped');
  expect(lines[4]).toContain('skipped 2 nodes: too small');
  expect(lines.at(-1)).toBe(summaryLine(report));
});

test('techniques are told with where they were kept, and the errors without and with them', () => {
  const text = renderTerminal(report, new Chalk({ level: 0 }));
  expect(text).toMatch(/rounded +at 2 of 3 places +1\.00 +→ +0\.250/);
  expect(text).toMatch(/in float +no +1\.2e-4 +→ +not finite/);
  expect(renderMarkdown(report)).toContain('| rounded | at 2 of 3 places | 1.00 | 0.250 | x\\|y |');
});
