// `dsopt decompose --max-drop` without a rule for ranks: tries shares of the parameters until it knows how few the metric lets it keep.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { internalError, thresholdMissed } from '../errors.js';
import type { Drop } from '../evaluation/index.js';
import type { CompressionReport } from '../index.js';
import type { CommandContext } from './command-module.js';
import { type Compression, compressQuietly, runCompression } from './run-compression.js';
import type { WriteOptions } from './write-options.js';

/** Makes the run that keeps this share of the parameters. */
export type Attempt = (share: number) => Promise<Compression>;

const mostAttempts = 5;
const firstShare = 0.6;

interface Tried extends Drop {
  readonly share: number;
}

/**
 * Halves the range of shares between what was kept and what was not, attempts under a temporary folder, and writes the smallest that was
 * kept. Where none was, what came nearest is written, and THRESHOLD thrown.
 */
export async function decomposeToDrop(
  maxDrop: string,
  attempt: Attempt,
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  const { dropOf, parseMaxDrop } = await import('../evaluation/index.js');
  const limit = parseMaxDrop(maxDrop);
  const tries: Tried[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-decompose-'));
  try {
    let [low, high] = [0, 1];
    for (let tried = 0, share = firstShare; tried < mostAttempts; tried++, share = round((low + high) / 2)) {
      const compression = await attempt(share);
      const output = join(folder, basename(compression.output));
      const trial = { ...options, maxDrop: undefined, overwrite: true, verify: false, measure: false, report: [] };
      const report = await compressQuietly({ ...compression, output }, { ...trial, dryRun: false }, context);
      const [before, after] = report.evaluation?.models ?? [];
      const metric = after?.metrics[0];
      if (!before || !metric) throw internalError('An evaluated result has no metric');
      const drop = dropOf(metric.name, before.metrics[0]?.value ?? null, metric.value, limit);
      tries.push({ share, ...drop });
      context.output.log(describe(share, metric.name, drop));
      if (drop.kept) high = share;
      else low = share;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const kept = tries.filter((one) => one.kept);
  const best = kept.length > 0 ? smallestOf(kept) : leastDropOf(tries);
  const report = await runCompression(await attempt(best.share), { ...options, maxDrop: undefined }, context);
  if (kept.length > 0) return report;
  throw thresholdMissed(
    `No share of the parameters that was tried costs less than --max-drop ${maxDrop} allows`,
    options.dryRun ? 'Allow more.' : `What came nearest was written (${percent(best.share)} of the parameters).`,
  );
}

function smallestOf(tries: readonly Tried[]): Tried {
  return tries.reduce((best, one) => (one.share < best.share ? one : best));
}

function leastDropOf(tries: readonly Tried[]): Tried {
  const amount = ({ amount }: Tried): number => amount ?? Number.POSITIVE_INFINITY;
  return tries.reduce((best, one) => (amount(one) < amount(best) ? one : best));
}

function describe(share: number, metric: string, { amount, kept }: Drop): string {
  const change =
    amount === null ? 'is not finite' : `${amount > 0 ? 'worse' : 'better'} by ${Math.abs(amount).toFixed(2)}`;
  return `${percent(share)} of the parameters: ${metric} ${change}, ${kept ? 'allowed' : 'too much'}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function round(share: number): number {
  return Math.round(share * 100) / 100;
}
