// Pruning to a share of the latency, measured with onnxruntime: multiplications say little about it.
import { thresholdMissed, usageError } from '../errors.js';
import type { CompressionReport } from '../index.js';
import type { CommandContext } from './command-module.js';
import { bestTrial, isClose, type LatencyTrial, nextComputation } from './latency-search.js';
import { type Compression, compressQuietly, tellResult } from './run-compression.js';
import { withCalibrationCache } from './share-calibration.js';
import type { WriteOptions } from './write-options.js';

/** Prunings that are tried for one target; then the best of them is made again, where it was not the last. */
const mostAttempts = 5;

/** Makes what is to be run for a share of the multiplications. */
type Attempt = (targetMacs: number) => Promise<Compression>;

/**
 * Prunes to a share of the multiplications, measures, and corrects the share until the latency is just below `target`, in shares of the original's.
 * What is known about units is kept from one attempt to the next. Throws THRESHOLD where the target was missed; what came closest is written then.
 */
export async function pruneToLatency(
  target: number,
  attempt: Attempt,
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  if (options.measure === false || !options.verify || options.dryRun) {
    throw usageError(
      '--target-latency has to measure what is written',
      'Leave out --no-measure, --no-verify, --dry-run.',
    );
  }
  const report = await withCalibrationCache({ ...options, measure: 'steady' }, (shared) =>
    search(target, attempt, shared, context),
  );
  await tellResult(report, context);
  return report;
}

async function search(
  target: number,
  attempt: Attempt,
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  const trials: LatencyTrial[] = [];
  let { overwrite } = options;
  for (let computation = target; ; ) {
    const report = await compressQuietly(await attempt(computation), { ...options, overwrite }, context);
    overwrite = true;
    const latency = report.timing.latency?.ratio.median;
    if (latency === undefined) return report;
    const trial = { computation, latency };
    trials.push(trial);
    context.output.log(`${(100 * computation).toFixed(0)} % of the computation: ${latency.toFixed(2)}x the latency`);
    if (isClose(trial, target) || report.passes.some(({ metrics }) => metrics.targetMissed)) return report;
    const best = bestTrial(trials, target);
    if (trials.length < mostAttempts) computation = nextComputation(trials, target);
    else if (trials.length === mostAttempts && best && best !== trial) computation = best.computation;
    else return report;
  }
}

/** Throws THRESHOLD where `report` is slower than `target`. */
export function checkLatency({ timing }: CompressionReport, target: number, hint: string): void {
  const reached = timing.latency?.ratio.median;
  if (reached === undefined) {
    throw thresholdMissed(`The latency could not be measured: ${timing.notMeasured}`, 'Use --target-macs.');
  }
  if (reached > target) throw thresholdMissed(`The latency is ${reached.toFixed(2)}x, not ${target}x`, hint);
}
