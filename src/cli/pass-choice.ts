// Commands that offer one of several passes, such as the modes of `dsopt quantize`: the flags of all of them, and which belong to the chosen one.
import { basename, dirname, extname, join } from 'node:path';
import type { Option } from 'commander';
import { internalError, usageError } from '../errors.js';
import type { Pass } from '../pass/index.js';
import { type OptionSchema, optionsJsonSchema } from '../recipe/index.js';
import { flagName, pickPassOptions, schemaFlags } from './option-flags.js';

/** A word of the command line, and the pass it stands for. */
export interface PassChoice {
  readonly word: string;
  readonly pass: Pass;
}

/** What a command offers: the built-in passes that `words` name, and all of them. `flag` is what chooses one. */
export async function loadChoices(
  flag: string,
  words: Readonly<Record<string, string>>,
): Promise<{ readonly choices: readonly PassChoice[]; readonly passes: readonly Pass[] }> {
  const { builtinPasses } = await import('../index.js');
  const passes: readonly Pass[] = builtinPasses;
  const choices = Object.entries(words).map(([word, name]) => {
    const pass = passes.find((candidate) => candidate.name === name);
    if (!pass) throw internalError(`There is no pass for ${flag} ${word}`);
    return { word, pass };
  });
  return { choices, passes };
}

/** Where a result goes that nobody named: `model.onnx` → `model.<suffix>.onnx`, in the same folder. */
export function outputBeside(model: string, suffix: string): string {
  const extension = extname(model);
  return join(dirname(model), `${basename(model, extension)}.${suffix}${extension || '.onnx'}`);
}

/** One flag an option name; what passes say differently of it is joined. */
export function choiceFlags(choices: readonly PassChoice[]): Option[] {
  const merged: Record<string, OptionSchema> = {};
  for (const [name, offers] of offersByName(choices)) merged[name] = mergeSchemas(offers, choices.length);
  return schemaFlags(merged);
}

/**
 * The options of the pass that `word` stands for among those commander parsed. `flag` is what chose it. Throws USAGE for one that
 * another choice has and this one does not.
 */
export function pickChoiceOptions(
  choices: readonly PassChoice[],
  word: string,
  flag: string,
  parsed: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const chosen = choices.find((choice) => choice.word === word)!;
  const known = optionsJsonSchema(chosen.pass).properties;
  for (const [name, offers] of offersByName(choices)) {
    if (parsed[name] === undefined || name in known) continue;
    const others = offers.map((offer) => `${flag} ${offer.word}`).join(' or ');
    throw usageError(`--${flagName(name)} is not for ${flag} ${word}`, `It is for ${others}.`);
  }
  return pickPassOptions(chosen.pass, parsed);
}

interface Offer {
  readonly word: string;
  readonly schema: OptionSchema;
}

function offersByName(choices: readonly PassChoice[]): Map<string, Offer[]> {
  const offers = new Map<string, Offer[]>();
  for (const { word, pass } of choices) {
    for (const [name, schema] of Object.entries(optionsJsonSchema(pass).properties)) {
      offers.set(name, [...(offers.get(name) ?? []), { word, schema }]);
    }
  }
  return offers;
}

function mergeSchemas(offers: readonly Offer[], choices: number): OptionSchema {
  const [{ schema: first }] = offers;
  const only = offers.length < choices ? `${offers.map(({ word }) => word).join(', ')}: ` : '';
  const same = offers.every(({ schema }) => JSON.stringify(schema) === JSON.stringify(first));
  if (same) return { ...first, description: `${only}${first.description ?? ''}` };
  const descriptions = [...new Set(offers.map(({ schema }) => schema.description ?? ''))];
  const defaults = offers.flatMap(({ word, schema }) =>
    schema.default === undefined ? [] : [`${word} ${schema.default}`],
  );
  const agreed = new Set(offers.map(({ schema }) => JSON.stringify(schema.default))).size === 1;
  const shown = agreed || Array.isArray(first.default) ? '' : ` (default: ${defaults.join(', ')})`;
  const values = offers.map(({ schema }) => schema.enum);
  return {
    ...first,
    description: `${only}${descriptions.join('; ')}${shown}`,
    default: agreed || typeof first.default === 'boolean' ? first.default : undefined,
    ...(values.every((value) => value !== undefined) && { enum: [...new Set(values.flat())] }),
  };
}
