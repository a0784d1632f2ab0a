// `dsopt quantize --max-drop`, `--target-size` and `--target-latency`: each attempt of the search is a run like any other, the last one the result.
import { DsoptError, usageError } from '../errors.js';
import type { CompressionReport } from '../index.js';
import {
  type Attempt,
  type Budget,
  type Found,
  type LimitedMode,
  quantizeWithinBudget,
  quantizeWithinDrop,
} from '../quantize-within/index.js';
import type { CommandContext } from './command-module.js';
import { type Compression, compressQuietly, tellResult } from './run-compression.js';
import type { WriteOptions } from './write-options.js';

/** Makes what is to be run with options added to those of the command line. */
type Prepare = (added: Readonly<Record<string, unknown>>) => Promise<Compression>;

/** Without a budget: `--max-drop` is the limit. Throws THRESHOLD where nothing meets it; what came closest is written then. */
export async function quantizeWithin(
  mode: LimitedMode,
  budget: Budget | null,
  prepare: Prepare,
  exclude: readonly string[],
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  if (budget?.latency !== undefined && (options.measure === false || !options.verify || options.dryRun)) {
    throw usageError(
      '--target-latency has to measure what is written',
      'Leave out --no-measure, --no-verify, --dry-run.',
    );
  }
  const attempt = attempting(prepare, options, context);
  const settings = { exclude, log: (line: string) => context.output.log(line) };
  const { report, missed }: Found = budget
    ? await quantizeWithinBudget(mode, attempt, budget, settings)
    : await quantizeWithinDrop(mode, attempt, settings);
  await tellResult(report, context);
  if (missed) throw missed;
  return report;
}

function attempting(prepare: Prepare, options: WriteOptions, context: CommandContext): Attempt {
  let { overwrite } = options;
  return async (added, { purpose, measure = false, keepMissed = false }) => {
    const compression = await prepare(added);
    let report: CompressionReport | null = null;
    const onReport = (made: CompressionReport): void => {
      report = made;
    };
    const settings: WriteOptions = {
      ...options,
      overwrite,
      ...(measure && purpose !== 'ranking' && { measure }),
      ...(purpose !== 'result' && { report: [], dryRun: !measure || purpose === 'ranking' }),
      ...(purpose === 'ranking' && {
        evalData: undefined,
        evalCommand: undefined,
        metric: undefined,
        maxDrop: undefined,
      }),
    };
    try {
      const made = await compressQuietly({ ...compression, onReport, keepMissed }, settings, context);
      // What a search wrote itself it may replace.
      if (!settings.dryRun) overwrite = true;
      return made;
    } catch (cause) {
      if (!(cause instanceof DsoptError) || cause.code !== 'THRESHOLD' || report === null) throw cause;
      return report;
    }
  };
}
