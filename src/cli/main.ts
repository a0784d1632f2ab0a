// The command line: `main` runs one command and returns its exit code.
import { CommanderError } from 'commander';
import { listenForInterrupt } from './interrupt.js';
import type { Io } from './io.js';
import { createProgram } from './program.js';

/** `argv` without the interpreter and the script. Never throws; every failure ends as a message and an exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const interrupt = listenForInterrupt(io);
  swallowBrokenPipes(io);
  try {
    const program = await createProgram(argv, io, interrupt.signal);
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    // Commander ends `--help` and `--version` by an error of exit code 0.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const { reportFailure } = await import('./failure.js');
    return reportFailure(error, argv, io);
  } finally {
    interrupt.stop();
  }
}

/** A reader that went away (`| head`) is no failure of ours; what else goes wrong with a stream is. */
function swallowBrokenPipes(io: Io): void {
  for (const sink of [io.stdout, io.stderr]) {
    sink.on?.('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
