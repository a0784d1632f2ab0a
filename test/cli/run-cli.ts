// Runs the command line in this process, with everything it says captured.
import { EventEmitter } from 'node:events';
import { main } from '../../src/cli/main.js';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  /** Called with all that stderr has got so far whenever something is written there; `interrupt` is Ctrl-C. */
  readonly onLog?: (stderr: string, interrupt: () => void) => void;
}

export async function runCli(
  argv: readonly string[],
  { env = {}, isTTY = false, onLog }: CliOptions = {},
): Promise<CliResult> {
  const process = new EventEmitter();
  const text = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    isTTY,
    columns: 100,
    write(chunk: string) {
      text[name] += chunk;
      if (name === 'stderr') onLog?.(text.stderr, () => process.emit('SIGINT'));
      return true;
    },
  });
  const io = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env,
    once: process.once.bind(process),
    off: process.off.bind(process),
  };
  const code = await main(argv, io);
  return { code, ...text };
}
