// Figures out of latencies: percentiles of one model, and the ratio of two that were measured in turns.
import { percentile } from '../numeric/index.js';

/** Milliseconds of one inference. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
}

/** The ratio of each round lies in [lower, upper] half of the time. */
export interface RatioSummary {
  readonly median: number;
  /** First quartile over the rounds. */
  readonly lower: number;
  /** Third quartile. */
  readonly upper: number;
}

export function summarizeLatencies(latencies: readonly number[]): LatencySummary {
  const values = Float32Array.from(latencies);
  return {
    p50: percentile(values, 50),
    p95: percentile(values, 95),
    p99: percentile(values, 99),
    mean: latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length,
  };
}

/** The value at 0 %, 5 %, … 100 %. */
export function quantiles(latencies: readonly number[]): number[] {
  const values = Float32Array.from(latencies);
  return Array.from({ length: 21 }, (_, step) => percentile(values, step * 5));
}

/**
 * Latency of a model relative to `reference`, round by round: what slows a machine down for a while (other work, heat) slows
 * down both halves of a round and drops out of its ratio. Both lists hold one list of latencies per round.
 */
export function summarizeRatio(
  rounds: readonly (readonly number[])[],
  reference: readonly (readonly number[])[],
): RatioSummary {
  const ratios = Float32Array.from(rounds, (latencies, round) => median(latencies) / median(reference[round]));
  return { median: percentile(ratios, 50), lower: percentile(ratios, 25), upper: percentile(ratios, 75) };
}

function median(values: readonly number[]): number {
  return percentile(Float32Array.from(values), 50);
}
