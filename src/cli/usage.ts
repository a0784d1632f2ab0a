// Usage errors in our own words, with the nearest valid word or where to find it as the hint.
import type { CommanderError } from 'commander';
import { type DsoptError, usageError } from '../errors.js';

export async function describeUsageError(error: CommanderError, argv: readonly string[]): Promise<DsoptError> {
  const [text, suggestion] = error.message.replace(/^error: /, '').split('\n');
  const { commandNames } = await import('./command-list.js');
  const command = argv.find((word) => commandNames.includes(word));
  const help = command ? `dsopt ${command} --help lists its arguments and options.` : 'dsopt --help lists the commands.';
  const choices = /^(.*argument '(.*)' is invalid)\. Allowed choices are (.*)\.$/.exec(text);
  if (choices) {
    const [, message, given, allowed] = choices;
    const { nearest } = await import('../pass/index.js');
    const near = nearest(given, allowed.split(', '));
    return usageError(message, `${near ? `Did you mean ${near}? ` : ''}Possible: ${allowed}.`);
  }
  if (error.code === 'commander.help') return usageError('no command is given', help);
  return usageError(text, suggestion?.replace(/^\((.*)\)$/, '$1') ?? help);
}
