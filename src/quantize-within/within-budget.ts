// The largest set of operators in float, and of matrix products at 16 bits behind them, with which size or latency stay what was asked for; the most
// sensitive operators first, every set quantized or measured again.
import { thresholdMissed } from '../errors.js';
import type { CompressionReport } from '../report/index.js';
import type { Attempt, AttemptPurpose, PassOptions, SearchSettings } from './attempt.js';
import { type Kept, keepings, type LimitedMode } from './keeping.js';
import { type RankedOperator, rankOperators } from './rank-operators.js';
import { smallestCount } from './smallest-count.js';
import type { Found } from './within-drop.js';

export interface Budget {
  /** Bytes. */
  readonly size?: number;
  /** Of the original's latency. */
  readonly latency?: number;
}

export async function quantizeWithinBudget(
  mode: LimitedMode,
  attempt: Attempt,
  { size, latency }: Budget,
  { exclude, log }: SearchSettings,
): Promise<Found> {
  const keeping = keepings[mode];
  const order = await rankOperators(keeping, attempt);
  const measure = latency !== undefined;
  let fastest: { readonly float: number; readonly ratio: number } | null = null;
  const run = async (
    { exclude: float, sixteenBits }: Kept,
    purpose: AttemptPurpose['purpose'],
    quick: PassOptions = {},
  ): Promise<CompressionReport> => {
    const added = { ...keeping.options({ sixteenBits, exclude: float }, exclude), ...quick };
    const report = await attempt(added, { purpose, measure });
    const ratio = ratioOf(report);
    if (ratio !== null && ratio < (fastest?.ratio ?? Number.POSITIVE_INFINITY))
      fastest = { float: float.length, ratio };
    const figures = [megabytes(bytesOf(report)), ...(ratio === null ? [] : [`${ratio.toFixed(2)}x`])];
    const wide = sixteenBits.length > 0 ? `${sixteenBits.length} at 16 bits, ` : '';
    log(`${wide}${float.length} of ${order.length} ${keeping.word}: ${figures.join(', ')}`);
    return report;
  };
  const fits = (report: CompressionReport): boolean =>
    (size === undefined || bytesOf(report) <= size) &&
    (latency === undefined || (ratioOf(report) ?? Number.POSITIVE_INFINITY) <= latency);
  const quick = measure ? {} : keeping.quick;
  /** `float` operators, the most sensitive first, and of those behind them `wide` matrix products. */
  const keptOf = (float: number, wide = 0): Kept => {
    const behind = order.slice(float).filter(({ isMatrix }) => isMatrix);
    const names = (operators: readonly RankedOperator[]) => operators.map(({ name }) => name);
    return { exclude: names(order.slice(0, float)), sixteenBits: names(behind.slice(0, wide)) };
  };
  // How many of the least sensitive ones must be integers; of the matrix products among those, how many must do with 8 bits.
  const holds = async (kept: Kept, options: PassOptions = {}): Promise<boolean> =>
    fits(await run(kept, 'trial', options));
  // All in float is the original, whose latency is once its own: what a measurement says below is noise.
  const mayBeFloat = latency === undefined || latency >= 1;
  const integers =
    mayBeFloat && (await holds(keptOf(order.length), quick))
      ? 0
      : await smallestCount(order.length, (count) => holds(keptOf(order.length - count), quick));
  const closest = (): number => fastest?.float ?? 0;
  const float = integers === null ? closest() : order.length - integers;
  const products = keeping.sixteenBits && integers ? order.slice(float).filter(({ isMatrix }) => isMatrix).length : 0;
  const narrow =
    products === 0 || (await holds(keptOf(float, products)))
      ? 0
      : await smallestCount(products, (count) => holds(keptOf(float, products - count)));
  const report = await run(keptOf(float, products - (narrow ?? products)), 'result');
  if (fits(report)) return { report, missed: null };
  const reached = measure ? `${ratioOf(report)?.toFixed(2)}x` : megabytes(bytesOf(report));
  const message = `With ${float || 'no'} operator${float > 1 ? 's' : ''} kept ${keeping.word} it is ${reached}`;
  const hint = measure
    ? 'It was written. Where integers are no faster on this processor, --mode dynamic stores the same weights and computes convolutions in float.'
    : 'It was written. Fewer --bits make files smaller.';
  return { report, missed: thresholdMissed(message, hint) };
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
