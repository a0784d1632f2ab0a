// How failures are told: message and hint on stderr, or one JSON object on stdout with `--json`; and which exit code they give.
import { CommanderError } from 'commander';
import { aborted, DsoptError, exitCodes, internalError } from '../errors.js';
import type { ErrorReport } from '../report/index.js';
import { schemaName } from '../report/schema/schema-name.js';
import { commandNames } from './command-list.js';
import type { Io } from './io.js';
import { createOutput } from './output.js';
import { describeUsageError } from './usage.js';

/** Reports `error` and returns the exit code. */
export async function reportFailure(error: unknown, argv: readonly string[], io: Io): Promise<number> {
  const failure = await describe(error, argv);
  const hint = hintFor(failure, argv);
  const exitCode = exitCodes[failure.code];
  const output = createOutput(io, { json: argv.includes('--json'), color: !argv.includes('--no-color') });
  if (output.json) {
    const report: ErrorReport = {
      schema: schemaName,
      command: argv.find((word) => commandNames.includes(word)) ?? null,
      error: { code: failure.code, message: failure.message, hint, exitCode },
    };
    output.printJson(report);
    return exitCode;
  }
  const { logStyle } = output;
  output.log(`${logStyle.red('error')} ${logStyle.dim(failure.code)} ${failure.message}`);
  if (hint) output.log(`${logStyle.cyan('hint')} ${hint}`);
  if (argv.includes('--verbose') || failure.code === 'INTERNAL') output.log(logStyle.dim(stackOf(error)));
  return exitCode;
}

/** Work that can be resumed has written something when it is interrupted. */
function hintFor({ code, hint }: DsoptError, argv: readonly string[]): string | null {
  const resumable = code === 'ABORTED' && argv.includes('--resume');
  return resumable ? 'What was finished is kept: the same command goes on from there.' : hint;
}

async function describe(error: unknown, argv: readonly string[]): Promise<DsoptError> {
  if (error instanceof DsoptError) return error;
  if (error instanceof CommanderError) return describeUsageError(error, argv);
  if (error instanceof Error && error.name === 'AbortError') return aborted(error);
  return internalError(error instanceof Error ? error.message : String(error), error);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
