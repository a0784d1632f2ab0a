// What a file of commands/ exports: the arguments and options of a command, and what it does.
import type { Command } from 'commander';
import type { Io } from './io.js';
import type { Output, OutputOptions } from './output.js';

export interface CommandContext {
  readonly io: Io;
  readonly output: Output;
  /** Fires when the user interrupts. */
  readonly signal: AbortSignal;
}

/** `Arguments` are the positional arguments of the command, in order. */
export interface CommandModule<Arguments extends readonly unknown[] = never, Options extends OutputOptions = never> {
  /** Declares arguments and options; what it needs for that is loaded here. */
  configure(command: Command): void | Promise<void>;
  run(args: Arguments, options: Options, context: CommandContext): Promise<void>;
}
