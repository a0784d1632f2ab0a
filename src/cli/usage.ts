// Usage errors in our own words, with the nearest valid word or where to find it as the hint.
import type { CommanderError } from 'commander';
import { type DsoptError, usageError } from '../errors.js';
import { commandNames } from './command-list.js';

/** How commander words a bad value of an option, and of an argument. */
const badOption = /^option '(?:-\w, )?(\S+).*?' argument '(.*)' is invalid\. (.*)$/;
const badArgument = /^command-argument value '(.*)' is invalid for argument '(.*)'\. (.*)$/;
const choiceList = /^Allowed choices are (.*)\.$/;

export async function describeUsageError(error: CommanderError, argv: readonly string[]): Promise<DsoptError> {
  const [text, suggestion] = error.message.replace(/^error: /, '').split('\n');
  const command = argv.find((word) => commandNames.includes(word));
  const help = command
    ? `dsopt ${command} --help lists its arguments and options.`
    : 'dsopt --help lists the commands.';
  const option = badOption.exec(text);
  if (option) return badValue(option[1], option[2], option[3]);
  const argument = badArgument.exec(text);
  if (argument) return badValue(argument[2], argument[1], argument[3]);
  if (error.code === 'commander.help') return usageError('No command is given', help);
  return usageError(capitalize(text), suggestion?.replace(/^\((.*)\)$/, '$1') ?? help);
}

async function badValue(name: string, given: string, reason: string): Promise<DsoptError> {
  const message = `${name} cannot be ${JSON.stringify(given)}`;
  const choices = choiceList.exec(reason)?.[1].split(', ');
  if (!choices) return usageError(message, reason);
  const { nearest } = await import('../pass/index.js');
  const near = nearest(given, choices);
  return usageError(message, `${near ? `Did you mean ${near}? ` : ''}Possible: ${choices.join(', ')}.`);
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
