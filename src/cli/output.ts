// Where a command says what: results go to stdout, everything else to stderr.
import { Chalk, type ChalkInstance } from 'chalk';
import type { Io, Sink } from './io.js';

/** The options that every command has. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False for `--no-color`. */
  readonly color?: boolean;
}

export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Of stdout. */
  readonly style: ChalkInstance;
  /** Of stderr. */
  readonly logStyle: ChalkInstance;
  /** Writes lines of the result to stdout. */
  print(...lines: string[]): void;
  /** Writes the result as one JSON object to stdout. */
  printJson(value: unknown): void;
  /** Writes lines to stderr, unless the command is quiet. */
  log(...lines: string[]): void;
}

export function createOutput(io: Io, options: OutputOptions): Output {
  const { json = false, quiet = false, verbose = false, color } = options;
  const styleOf = (sink: Sink): ChalkInstance => new Chalk({ level: hasColor(sink, io.env, color) ? 1 : 0 });
  return {
    json,
    quiet,
    verbose,
    style: styleOf(io.stdout),
    logStyle: styleOf(io.stderr),
    print: (...lines) => {
      if (lines.length > 0) io.stdout.write(`${lines.join('\n')}\n`);
    },
    printJson: (value) => {
      io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    log: (...lines) => {
      if (!quiet && lines.length > 0) io.stderr.write(`${lines.join('\n')}\n`);
    },
  };
}

/** See https://no-color.org and https://force-color.org. */
function hasColor(sink: Sink, env: Io['env'], option: boolean | undefined): boolean {
  if (option === false || env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return sink.isTTY === true && env.TERM !== 'dumb';
}
