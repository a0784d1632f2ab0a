// The commander program: every command is listed, and the one that runs is loaded and configured.
import { Command, Option } from 'commander';
import { type DsoptError, usageError } from '../errors.js';
import { commandNames, commands } from './command-list.js';
import type { CommandModule } from './command-module.js';
import type { Io } from './io.js';
import type { OutputOptions } from './output.js';

const summary = 'Makes ONNX models smaller and faster, and says what it cost.';

/** Throws CommanderError from `parseAsync` for usage errors, and for help and version with exit code 0. */
export async function createProgram(argv: readonly string[], io: Io, signal: AbortSignal): Promise<Command> {
  const program = quiet(new Command('dsopt'), io)
    .description(summary)
    .usage('<command> [options]')
    .option('-V, --version', 'print the version')
    .helpCommand('help [command]', 'help for a command')
    .addHelpText('after', '\nEvery command tells its options: dsopt <command> --help');
  const wanted = commandWord(argv);
  if (wanted !== undefined && wanted !== 'help' && !commandNames.includes(wanted)) throw await unknownCommand(wanted);
  for (const { name, summary, load } of commands) {
    const command = quiet(program.command(name).description(summary), io);
    if (name === wanted) await configure(command, await load(), io, signal);
  }
  program.action(async ({ version }: { version?: boolean }) => {
    if (!version) program.help({ error: true });
    const { dsoptVersion } = await import('../report/index.js');
    io.stdout.write(`${dsoptVersion()}\n`);
  });
  return program;
}

/** The command that `argv` names: the first word, or the one after `help`. */
function commandWord(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  return words[0] === 'help' ? words[1] : words[0];
}

async function unknownCommand(word: string): Promise<DsoptError> {
  const { nearest } = await import('../pass/index.js');
  const near = nearest(word, commandNames);
  return usageError(`There is no command ${word}`, near ? `Did you mean ${near}?` : 'dsopt --help lists the commands.');
}

async function configure(command: Command, module: CommandModule, io: Io, signal: AbortSignal): Promise<void> {
  await module.configure(command);
  command
    .addOption(new Option('--json', 'print one JSON object'))
    .addOption(new Option('-q, --quiet', 'no progress, no notes'))
    .addOption(new Option('--verbose', 'say more'))
    .addOption(new Option('--no-color', 'no colours'));
  command.action(async (...received: unknown[]) => {
    // Commander hands over the arguments, the options and the command.
    const options = received.at(-2) as OutputOptions;
    const { createOutput } = await import('./output.js');
    const context = { io, signal, output: createOutput(io, options) };
    await module.run(received.slice(0, -2) as never, options as never, context);
  });
}

/** Errors are thrown and told by `reportFailure`; help goes where the caller wants it. */
function quiet(command: Command, io: Io): Command {
  return command
    .exitOverride()
    .allowExcessArguments(false)
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}
