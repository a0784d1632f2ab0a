// The smallest set of operators kept at 16 bits or in float (static), or with more bits (weight-only), with which a metric falls by no more than was
// allowed. Operators come in the order of what quantizing them alone does to the outputs, and every set is evaluated again.
import { type DsoptError, thresholdMissed } from '../errors.js';
import type { CompressionReport } from '../report/index.js';
import type { Attempt, SearchSettings } from './attempt.js';
import { type Kept, keepings, type LimitedMode } from './keeping.js';
import { type RankedOperator, rankOperators } from './rank-operators.js';
import { smallestCount } from './smallest-count.js';

export interface Found {
  /** Of what was written. */
  readonly report: CompressionReport;
  /** The limit that even the best set misses. */
  readonly missed: DsoptError | null;
}

export async function quantizeWithinDrop(
  mode: LimitedMode,
  attempt: Attempt,
  { exclude, log }: SearchSettings,
): Promise<Found> {
  const keeping = keepings[mode];
  const first = await attempt({}, { purpose: 'result' });
  if (isKept(first)) return { report: first, missed: null };
  log(`no operator kept ${keeping.word}: ${describe(first)}; looking for those to keep`);
  const order = await rankOperators(keeping, attempt);
  const drops = new Map<Kept, number>();
  const holds = async (kept: Kept): Promise<boolean> => {
    const tried = await attempt(keeping.options(kept, exclude), { purpose: 'trial' });
    drops.set(kept, amountOf(tried));
    const wide = keeping.sixteenBits ? `${kept.sixteenBits.length} at 16 bits, ` : '';
    log(`${wide}${kept.exclude.length} ${keeping.word}: ${describe(tried)}`);
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
  const report = await attempt(keeping.options(best, exclude), { purpose: 'result', keepMissed: true });
  if (isKept(report)) return { report, missed: null };
  const hint = 'What came closest was written. --preset accurate, or --mode dynamic, may lose less.';
  const message = `No set of operators kept ${keeping.word} meets the limit: ${describe(report)}`;
  return { report, missed: thresholdMissed(message, hint) };
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
