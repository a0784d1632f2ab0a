// Static quantization within limits: the smallest set of operators kept at 16 bits or in float with which the metric falls by no more than was
// allowed, or the largest with which size or latency stay what was asked for. Operators come in the order of what quantizing them alone does to the
// outputs, and every set is measured again.
import { DsoptError, thresholdMissed, usageError } from '../errors.js';
import { selectorOf } from '../explain/index.js';
import type { CompressionReport } from '../index.js';
import type { CommandContext } from './command-module.js';
import { type Compression, compressQuietly, tellResult } from './run-compression.js';
import { smallestCount } from './smallest-count.js';
import type { WriteOptions } from './write-options.js';

type PassOptions = Readonly<Record<string, unknown>>;

export interface Targets {
  /** Bytes. */
  readonly size?: number;
  /** Of the original's latency. */
  readonly latency?: number;
}

/** Makes what is to be run with options added to those of the command line. */
type Attempt = (added: PassOptions) => Promise<Compression>;

interface Kept {
  readonly sixteenBits: readonly string[];
  readonly exclude: readonly string[];
}

/** Runs `attempt`, and where its result is worse than `--max-drop` allows, looks for what must be kept. Throws THRESHOLD where nothing helps. */
export async function quantizeWithinDrop(
  attempt: Attempt,
  exclude: readonly string[],
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  let report: CompressionReport | null = null;
  const keep = (made: CompressionReport): void => {
    report = made;
  };
  const run = async (added: PassOptions, settings: WriteOptions, keepMissed = false): Promise<CompressionReport> => {
    try {
      await compressQuietly({ ...(await attempt(added)), onReport: keep, keepMissed }, settings, context);
    } catch (cause) {
      if (!(cause instanceof DsoptError) || cause.code !== 'THRESHOLD' || report === null) throw cause;
    }
    return report!;
  };
  const first = await run({}, options);
  if (isKept(first)) {
    await tellResult(first, context);
    return first;
  }
  context.output.log(`all operators in integers: ${describe(first)}; looking for those to keep`);
  const order = await rankOperators(attempt, options, context);
  const tries = { ...options, dryRun: true, report: [] };
  const drops = new Map<Kept, number>();
  const holds = async (kept: Kept): Promise<boolean> => {
    const tried = await run(optionsOf(kept, exclude), tries);
    drops.set(kept, amountOf(tried));
    context.output.log(`${kept.sixteenBits.length} at 16 bits, ${kept.exclude.length} in float: ${describe(tried)}`);
    return isKept(tried);
  };
  const chosen =
    (await search(order, (count) => keepWide(order.slice(0, count)), holds)) ??
    (await search(
      order,
      (count) => ({ sixteenBits: [], exclude: order.slice(0, count).map(({ name }) => name) }),
      holds,
    ));
  const best = chosen ?? [...drops].sort((a, b) => a[1] - b[1])[0]?.[0] ?? { sixteenBits: [], exclude: [] };
  const final = await run(optionsOf(best, exclude), options, true);
  await tellResult(final, context);
  if (!isKept(final)) {
    const hint = 'What came closest was written. --preset accurate, or --mode dynamic, may lose less.';
    throw thresholdMissed(`No set of operators kept in float meets the limit: ${describe(final)}`, hint);
  }
  return final;
}

/** Keeps as many operators in float, the most sensitive first, as size or latency allow. */
export async function quantizeWithinBudget(
  attempt: Attempt,
  exclude: readonly string[],
  { size, latency }: Targets,
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  if (latency !== undefined && (options.measure === false || !options.verify || options.dryRun)) {
    throw usageError(
      '--target-latency has to measure what is written',
      'Leave out --no-measure, --no-verify, --dry-run.',
    );
  }
  const order = await rankOperators(attempt, options, context);
  let overwrite = options.overwrite;
  const run = async (count: number, settings: Partial<WriteOptions>): Promise<CompressionReport> => {
    const names = order.slice(0, count).map(({ name }) => name);
    const compression = await attempt(optionsOf({ sixteenBits: [], exclude: names }, exclude));
    const report = await compressQuietly(compression, { ...options, overwrite, ...settings }, context);
    if (!settings.dryRun && !options.dryRun) overwrite = true;
    const figures = [
      megabytes(bytesOf(report)),
      ...(ratioOf(report) === null ? [] : [`${ratioOf(report)!.toFixed(2)}x`]),
    ];
    context.output.log(`${count} of ${order.length} in float: ${figures.join(', ')}`);
    return report;
  };
  const fits = (report: CompressionReport): boolean =>
    (size === undefined || bytesOf(report) <= size) &&
    (latency === undefined || (ratioOf(report) ?? Number.POSITIVE_INFINITY) <= latency);
  const trial = latency === undefined ? { dryRun: true, report: [] } : { measure: true, report: [] };
  // How many of the least sensitive ones must be integers.
  const integers = fits(await run(order.length, trial))
    ? 0
    : await smallestCount(order.length, async (count) => fits(await run(order.length - count, trial)));
  const report = await run(order.length - (integers ?? order.length), latency === undefined ? {} : { measure: true });
  await tellResult(report, context);
  if (!fits(report)) {
    const reached = latency === undefined ? megabytes(bytesOf(report)) : `${ratioOf(report)?.toFixed(2)}x`;
    throw thresholdMissed(
      `With every operator in integers it is ${reached}`,
      'It was written. --bits 4 makes files smaller.',
    );
  }
  return report;
}

interface RankedOperator {
  /** A selector. */
  readonly name: string;
  readonly isMatrix: boolean;
}

/** What is quantized, by what quantizing it alone does to the outputs. */
async function rankOperators(
  attempt: Attempt,
  options: WriteOptions,
  context: CommandContext,
): Promise<RankedOperator[]> {
  const settings = {
    ...options,
    dryRun: true,
    report: [],
    evalData: undefined,
    evalCommand: undefined,
    metric: undefined,
    maxDrop: undefined,
  };
  const { passes } = await compressQuietly(await attempt({ sensitivity: true }), settings, context);
  const report = passes.find(({ pass }) => pass === 'quantize-static')!;
  const prefix = 'sensitivity ';
  const ranked = Object.entries(report.metrics)
    .filter(([name]) => name.startsWith(prefix))
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => {
      const label = name.slice(prefix.length);
      const what = report.changed.find(({ target }) => target === label)?.what ?? '';
      return { name: selectorOf(label), isMatrix: /^integer (?:MatMul|Gemm)/.test(what) };
    });
  // What the pass behind stores in eight bits costs less, and comes last.
  const others = passes.find(({ pass }) => pass === 'quantize-dynamic')?.changed ?? [];
  return [...ranked, ...others.map(({ target }) => ({ name: selectorOf(target), isMatrix: false }))];
}

/** 16 bits are two passes of a matrix product; convolutions have no such kernel, and are kept in float. */
function keepWide(operators: readonly RankedOperator[]): Kept {
  const names = (isMatrix: boolean) => operators.filter((one) => one.isMatrix === isMatrix).map(({ name }) => name);
  return { sixteenBits: names(true), exclude: names(false) };
}

async function search(
  order: readonly RankedOperator[],
  keptOf: (count: number) => Kept,
  holds: (kept: Kept) => Promise<boolean>,
): Promise<Kept | null> {
  const count = await smallestCount(order.length, (tried) => holds(keptOf(tried)));
  return count === null ? null : keptOf(count);
}

function optionsOf(kept: Kept, exclude: readonly string[]): PassOptions {
  const all = [...exclude, ...kept.exclude];
  return {
    ...(all.length > 0 && { exclude: all }),
    ...(kept.sixteenBits.length > 0 && { sixteenBits: kept.sixteenBits }),
  };
}

function isKept({ evaluation }: CompressionReport): boolean {
  return evaluation?.limit?.kept !== false;
}

function amountOf({ evaluation }: CompressionReport): number {
  return evaluation?.limit?.amount ?? Number.POSITIVE_INFINITY;
}

function describe({ evaluation }: CompressionReport): string {
  const limit = evaluation?.limit;
  if (!limit) return 'no limit';
  return `${limit.metric} falls by ${limit.amount === null ? 'nothing finite' : Number(limit.amount.toPrecision(3))}, ${limit.maxDrop} allowed`;
}

function bytesOf({ output }: CompressionReport): number {
  return output?.bytes ?? 0;
}

function ratioOf({ timing }: CompressionReport): number | null {
  return timing.latency?.ratio.median ?? null;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
