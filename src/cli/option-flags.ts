// Command-line options made from the options of a pass: one schema gives types, validation, recipes and flags.
import { InvalidArgumentError, Option } from 'commander';
import type { Pass } from '../pass/index.js';
import { type OptionSchema, optionsJsonSchema } from '../recipe/index.js';
import { parseNumber, parseWholeNumber } from './value-parsers.js';

/** `weightType` → `weight-type`. */
export function flagName(optionName: string): string {
  return optionName.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flags of all options of `pass`. A flag that is not given leaves its option undefined, so defaults stay the schema's. */
export function passFlags(pass: Pass): Option[] {
  return schemaFlags(optionsJsonSchema(pass).properties);
}

/** The flags of options described by JSON Schema, by their camelCase names. */
export function schemaFlags(properties: Readonly<Record<string, OptionSchema>>): Option[] {
  return Object.entries(properties).flatMap(([name, schema]) => flagsOf(name, schema));
}

/** The options of `pass` among those commander parsed. */
export function pickPassOptions(pass: Pass, parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names = Object.keys(optionsJsonSchema(pass).properties);
  return Object.fromEntries(names.flatMap((name) => (parsed[name] === undefined ? [] : [[name, parsed[name]]])));
}

function flagsOf(name: string, schema: OptionSchema): Option[] {
  const flag = `--${flagName(name)}`;
  const description = describe(schema);
  if (schema.type === 'boolean') {
    // The positive flag goes first: a negative one alone would set the option.
    return schema.default === true
      ? [new Option(flag).hideHelp(), new Option(`--no-${flagName(name)}`, `do not ${description}`)]
      : [new Option(flag, description), new Option(`--no-${flagName(name)}`).hideHelp()];
  }
  if (schema.type === 'array') {
    const items = schema.items ?? {};
    const parse = valueParser(items);
    // Words of a list hold no commas; patterns may.
    const isList = allowedValues(items) !== null || items.type === 'number' || items.type === 'integer';
    const parts = (text: string): string[] => (isList ? text.split(',').map((part) => part.trim()) : [text]);
    const how = isList ? 'repeatable, or with commas' : 'repeatable';
    return [
      new Option(`${flag} <${placeholder(items)}>`, `${description} (${how})`).argParser(
        (text: string, previous: unknown[] | undefined) => [...(previous ?? []), ...parts(text).map(parse)],
      ),
    ];
  }
  const values = allowedValues(schema);
  if (values?.every((value) => typeof value === 'string')) {
    return [new Option(`${flag} <value>`, description).choices(values)];
  }
  return [new Option(`${flag} <${placeholder(schema)}>`, description).argParser(valueParser(schema))];
}

function describe(schema: OptionSchema): string {
  const { description = '', default: value } = schema;
  const hidden = value === undefined || typeof value === 'boolean' || (Array.isArray(value) && value.length === 0);
  return hidden ? description : `${description} (default: ${value})`;
}

/** The values of an enum, or of a union of literals. */
function allowedValues(schema: OptionSchema): readonly unknown[] | null {
  if (schema.enum) return schema.enum;
  if (!schema.anyOf?.every((part) => part.const !== undefined || part.enum)) return null;
  return schema.anyOf.flatMap((part) => part.enum ?? [part.const]);
}

function placeholder(schema: OptionSchema): string {
  if (schema.type === 'integer') return 'n';
  return schema.type === 'number' ? 'number' : 'value';
}

function valueParser(schema: OptionSchema): (text: string) => unknown {
  const values = allowedValues(schema);
  if (values) {
    return (text) => {
      const value = values.find((allowed) => String(allowed) === text);
      if (value === undefined) throw new InvalidArgumentError(`Possible: ${values.join(', ')}.`);
      return value;
    };
  }
  if (schema.type === 'integer') return parseWholeNumber;
  const words = schema.anyOf?.flatMap((part) => (typeof part.const === 'string' ? [part.const] : [])) ?? [];
  if (words.length > 0 && schema.anyOf?.some((part) => part.type === 'integer'))
    return (text) => (words.includes(text) ? text : parseWholeNumber(text));
  return schema.type === 'number' ? parseNumber : (text) => text;
}
