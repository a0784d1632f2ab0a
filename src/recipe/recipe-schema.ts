// The JSON Schema of recipes, generated from the options of the passes: editors complete and check recipes with it.
import { z } from 'zod';
import type { Pass } from '../pass/index.js';
import { recipeCalibration } from './recipe-calibration.js';
import { recipeEvaluation } from './recipe-evaluation.js';

/** JSON Schema (draft 2020-12) of a recipe made of `passes`. */
export function recipeJsonSchema(passes: readonly Pass[]): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'dsopt recipe',
    type: 'object',
    required: ['version', 'steps'],
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      version: { const: 1 },
      seed: { type: 'integer', minimum: 0, default: 0, description: 'seed of everything random in the run' },
      steps: {
        type: 'array',
        description: 'passes, run in order',
        items: { anyOf: [...passes.map(step), foreignStep] },
      },
      calibration: partSchema(recipeCalibration, 'the data that passes calibrate with'),
      evaluation: partSchema(recipeEvaluation, 'how the result is evaluated beside the original'),
    },
  };
}

function partSchema(part: z.ZodObject, description: string): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(part, { io: 'input' });
  return { ...schema, description };
}

function step(pass: Pass): Record<string, unknown> {
  const { properties, required } = optionsJsonSchema(pass);
  return {
    title: pass.name,
    description: pass.summary,
    type: 'object',
    required: ['pass', ...required],
    additionalProperties: false,
    properties: { pass: { const: pass.name }, ...properties },
  };
}

const foreignStep = {
  title: 'a pass of your own',
  type: 'object',
  required: ['pass'],
  properties: {
    pass: {
      type: 'string',
      pattern: '^(\\.\\.?/|/|file:|[A-Za-z]:)',
      description: 'module that exports it: ./my-pass.js',
    },
  },
};

/** What is known of one option: the part of JSON Schema that options are described with. */
export interface OptionSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly OptionSchema[];
  readonly items?: OptionSchema;
}

/** The options of a pass as its users write them. */
export function optionsJsonSchema(pass: Pass): {
  readonly properties: Readonly<Record<string, OptionSchema>>;
  readonly required: readonly string[];
} {
  const schema = z.toJSONSchema(pass.options, { io: 'input' });
  return { properties: (schema.properties ?? {}) as Record<string, OptionSchema>, required: schema.required ?? [] };
}
