// The last line of every command that writes a model: what went in, what came out, what it cost and what it won.
import { basename } from 'node:path';
import type { CompressionReport, Fidelity } from '../schema/compression-report.js';
import { digits, formatBytes, formatChange, formatCosine } from './format.js';
import { formatMove } from './format-metric.js';

/**
 * `bert.onnx 418.1 MB → bert.int8.onnx 106.2 MB (−74.7 %) · accuracy 91.22 → 90.94 % · cosine 0.9993 · p50 62.1 → 24.8 ms`; only what
 * was measured.
 */
export function summaryLine({
  input,
  output,
  fidelity,
  evaluation,
  transfer,
  timing,
  written,
}: CompressionReport): string {
  const parts = [`${nameOf(input.path)} ${formatBytes(input.bytes)}`];
  if (output) {
    const name = written ? `${nameOf(output.path)} ` : '';
    parts[0] += ` → ${name}${formatBytes(output.bytes)} (${formatChange(input.bytes, output.bytes)})`;
  }
  if (transfer) parts.push(`gzip ${formatBytes(transfer.input.gzip)} → ${formatBytes(transfer.output.gzip)}`);
  for (const metric of evaluation?.models[1].metrics ?? []) {
    const before = evaluation?.models[0].metrics.find(({ name }) => name === metric.name);
    parts.push(formatMove(metric, before?.value ?? null, metric.value));
  }
  const cosine = fidelity && worstCosine(fidelity);
  if (cosine !== null) parts.push(`cosine ${formatCosine(cosine)}`);
  if (timing.latency) {
    const { input: before, output: after } = timing.latency;
    parts.push(`p50 ${digits(before.p50)} → ${digits(after.p50)} ms`);
  }
  return parts.join(' · ');
}

/** The least cosine of what was compared; null when none is defined. */
export function worstCosine({ outputs, worst }: Fidelity): number | null {
  const cosines = [...outputs, ...(worst ? [worst] : [])].flatMap(({ cosine }) => (cosine === null ? [] : [cosine]));
  return cosines.length > 0 ? Math.min(...cosines) : null;
}

function nameOf(path: string | null): string {
  return path === null ? 'model' : basename(path);
}
