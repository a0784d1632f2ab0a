// The flags that describe data, the same ones for --data, --eval-data and --calibration-data, made from the schema of data options.
import type { Option } from 'commander';
import { z } from 'zod';
import { type DataOptions, dataOptions } from '../data/index.js';
import { optionsError } from '../pass/index.js';
import type { OptionSchema } from '../recipe/index.js';
import { schemaFlags } from './option-flags.js';

function properties(): Readonly<Record<string, OptionSchema>> {
  return (z.toJSONSchema(dataOptions, { io: 'input' }).properties ?? {}) as Record<string, OptionSchema>;
}

export function dataFlags(): Option[] {
  return schemaFlags(properties());
}

/** The data options among those commander parsed. Throws USAGE for values that do not fit. */
export function pickDataOptions(parsed: Readonly<Record<string, unknown>>): DataOptions {
  const names = Object.keys(dataOptions.shape);
  const given = Object.fromEntries(names.flatMap((name) => (parsed[name] === undefined ? [] : [[name, parsed[name]]])));
  const result = dataOptions.safeParse(given);
  if (!result.success) throw optionsError('data', names, result.error);
  return given;
}
