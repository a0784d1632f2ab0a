// Quantization within limits: the smallest set of operators kept at 16 bits or in float (static), or with more bits (weight-only), with which the
// metric falls by no more than was allowed, or the largest with which size or latency stay what was asked for. Operators come in the order of what quantizing them alone does to the
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

/** What a mode can do for operators that are sensitive. */
interface Keeping {
  /** The pass that says how sensitive each is. */
  readonly pass: string;
  readonly word: string;
  /** Whether matrix products can be computed with 16 bits. */
  readonly sixteenBits: boolean;
  /** Whether what the pass behind stores in eight bits may be kept too. */
  readonly others: boolean;
  /** Options with which results have the same size, faster. */
  readonly quick: PassOptions;
  options(kept: Kept, exclude: readonly string[]): PassOptions;
}

export type LimitedMode = 'static' | 'weight-only';

const keepings: Readonly<Record<LimitedMode, Keeping>> = {
  static: {
    pass: 'quantize-static',
    word: 'in float',
    sixteenBits: true,
    others: true,
    quick: {},
    options(kept, exclude) {
      const all = [...exclude, ...kept.exclude];
      return {
        ...(all.length > 0 && { exclude: all }),
        ...(kept.sixteenBits.length > 0 && { sixteenBits: kept.sixteenBits }),
      };
    },
  },
  'weight-only': {
    pass: 'quantize-weights',
    word: 'with more bits',
    sixteenBits: false,
    others: false,
    quick: { algorithm: 'mse-clip' },
    options: (kept, exclude) => ({
      ...(exclude.length > 0 && { exclude }),
      ...(kept.exclude.length > 0 && { wide: kept.exclude }),
    }),
  },
};

interface Kept {
  readonly sixteenBits: readonly string[];
  readonly exclude: readonly string[];
}

/** Runs `attempt`, and where its result is worse than `--max-drop` allows, looks for what must be kept. Throws THRESHOLD where nothing helps. */
export async function quantizeWithinDrop(
  mode: LimitedMode,
  attempt: Attempt,
  exclude: readonly string[],
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  const keeping = keepings[mode];
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
  context.output.log(`no operator kept ${keeping.word}: ${describe(first)}; looking for those to keep`);
  const order = await rankOperators(keeping, attempt, options, context);
  const tries = { ...options, dryRun: true, report: [] };
  const drops = new Map<Kept, number>();
  const holds = async (kept: Kept): Promise<boolean> => {
    const tried = await run(keeping.options(kept, exclude), tries);
    drops.set(kept, amountOf(tried));
    const wide = keeping.sixteenBits ? `${kept.sixteenBits.length} at 16 bits, ` : '';
    context.output.log(`${wide}${kept.exclude.length} ${keeping.word}: ${describe(tried)}`);
    return isKept(tried);
  };
  const chosen =
    (keeping.sixteenBits ? await search(order, (count) => keepWide(order.slice(0, count)), holds) : null) ??
    (await search(
      order,
      (count) => ({ sixteenBits: [], exclude: order.slice(0, count).map(({ name }) => name) }),
      holds,
    ));
  const best = chosen ?? [...drops].sort((a, b) => a[1] - b[1])[0]?.[0] ?? { sixteenBits: [], exclude: [] };
  const final = await run(keeping.options(best, exclude), options, true);
  await tellResult(final, context);
  if (!isKept(final)) {
    const hint = 'What came closest was written. --preset accurate, or --mode dynamic, may lose less.';
    throw thresholdMissed(`No set of operators kept ${keeping.word} meets the limit: ${describe(final)}`, hint);
  }
  return final;
}

/** Keeps as many operators in float, the most sensitive first, as size or latency allow, and as many of the matrix products behind them at 16 bits. */
export async function quantizeWithinBudget(
  mode: LimitedMode,
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
  const keeping = keepings[mode];
  const order = await rankOperators(keeping, attempt, options, context);
  let overwrite = options.overwrite;
  const run = async (
    { exclude: float, sixteenBits }: Kept,
    settings: Partial<WriteOptions>,
    quick: PassOptions = {},
  ): Promise<CompressionReport> => {
    const compression = await attempt({ ...keeping.options({ sixteenBits, exclude: float }, exclude), ...quick });
    const report = await compressQuietly(compression, { ...options, overwrite, ...settings }, context);
    if (!settings.dryRun && !options.dryRun) overwrite = true;
    const figures = [
      megabytes(bytesOf(report)),
      ...(ratioOf(report) === null ? [] : [`${ratioOf(report)!.toFixed(2)}x`]),
    ];
    const wide = sixteenBits.length > 0 ? `${sixteenBits.length} at 16 bits, ` : '';
    context.output.log(`${wide}${float.length} of ${order.length} ${keeping.word}: ${figures.join(', ')}`);
    return report;
  };
  const fits = (report: CompressionReport): boolean =>
    (size === undefined || bytesOf(report) <= size) &&
    (latency === undefined || (ratioOf(report) ?? Number.POSITIVE_INFINITY) <= latency);
  const quick = latency === undefined ? keeping.quick : {};
  const trial = latency === undefined ? { dryRun: true, report: [] } : { measure: true, report: [] };
  /** `float` operators, the most sensitive first, and of those behind them `wide` matrix products. */
  const keptOf = (float: number, wide = 0): Kept => {
    const behind = order.slice(float).filter(({ isMatrix }) => isMatrix);
    const names = (operators: readonly RankedOperator[]) => operators.map(({ name }) => name);
    return { exclude: names(order.slice(0, float)), sixteenBits: names(behind.slice(0, wide)) };
  };
  // How many of the least sensitive ones must be integers; of the matrix products among those, how many must do with 8 bits.
  const integers = fits(await run(keptOf(order.length), trial, quick))
    ? 0
    : await smallestCount(order.length, async (count) => fits(await run(keptOf(order.length - count), trial, quick)));
  const float = order.length - (integers ?? order.length);
  const products = keeping.sixteenBits && integers ? order.slice(float).filter(({ isMatrix }) => isMatrix).length : 0;
  const narrow =
    products === 0 || fits(await run(keptOf(float, products), trial))
      ? 0
      : await smallestCount(products, async (count) => fits(await run(keptOf(float, products - count), trial)));
  const chosen = keptOf(float, products - (narrow ?? products));
  const report = await run(chosen, latency === undefined ? {} : { measure: true });
  await tellResult(report, context);
  if (!fits(report)) {
    const reached = latency === undefined ? megabytes(bytesOf(report)) : `${ratioOf(report)?.toFixed(2)}x`;
    throw thresholdMissed(
      `With no operator kept ${keeping.word} it is ${reached}`,
      'It was written. Fewer --bits make files smaller.',
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
  keeping: Keeping,
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
  const { passes } = await compressQuietly(await attempt({ ...keeping.quick, sensitivity: true }), settings, context);
  const report = passes.find(({ pass }) => pass === keeping.pass)!;
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
  const behind = keeping.others ? passes.find(({ pass }) => pass === 'quantize-dynamic') : undefined;
  const others = behind?.changed ?? [];
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
