import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DsoptError, definePass, type Pass } from '../../src/index.js';
import { parseRecipe, quantizeSteps, recipeJsonSchema, resolveRecipe, trainingSteps } from '../../src/recipe/index.js';
import { temporaryFolder } from '../temporary-folder.js';

const shrink = definePass({
  name: 'shrink-weights',
  kind: 'prune',
  summary: 'A pass for tests.',
  options: z.strictObject({
    ratio: z.number().min(0).max(1).default(0.5).describe('how much goes'),
    kind: z.enum(['rows', 'columns']).default('rows').describe('what goes'),
    names: z.array(z.string()).default([]).describe('of what'),
  }),
  needs: [],
  run() {},
});
const passes: readonly Pass[] = [shrink];

async function resolve(text: string, folder = '.') {
  const { recipe, place } = parseRecipe(text, 'recipe.yaml');
  return resolveRecipe(recipe, { passes, folder, place });
}

async function failure(text: string, folder?: string): Promise<{ message: string; hint: string | null }> {
  try {
    await resolve(text, folder);
  } catch (error) {
    expect(error).toBeInstanceOf(DsoptError);
    expect((error as DsoptError).code).toBe('RECIPE');
    return error as DsoptError;
  }
  throw new Error('the recipe was accepted');
}

describe('a recipe', () => {
  test('in YAML gets passes and defaults', async () => {
    const { seed, steps } = await resolve('version: 1\nseed: 7\nsteps:\n  - pass: shrink-weights\n    kind: columns\n');
    expect(seed).toBe(7);
    expect(steps).toEqual([{ pass: shrink, options: { ratio: 0.5, kind: 'columns', names: [] } }]);
  });

  test('in JSON, indented with tabs, means the same', async () => {
    const text = JSON.stringify(
      { $schema: './s.json', version: 1, steps: [{ pass: 'shrink-weights', ratio: 1 }] },
      null,
      '\t',
    );
    expect((await resolve(text)).steps[0].options).toEqual({ ratio: 1, kind: 'rows', names: [] });
  });

  test('without steps is possible', async () => {
    expect((await resolve('version: 1\nsteps: []')).steps).toEqual([]);
  });
});

describe('a mistake is named with its place and the nearest valid word', () => {
  test.each([
    [
      'version: 1\nsteps:\n  - pass: shrink-wieghts\n',
      'recipe.yaml:3:5: there is no pass shrink-wieghts',
      'shrink-weights?',
    ],
    [
      'version: 1\nsteps:\n  - pass: shrink-weights\n    rato: 1\n',
      'recipe.yaml:4:5: shrink-weights has no option rato',
      'ratio?',
    ],
    [
      'version: 1\nsteps:\n  - pass: shrink-weights\n    ratio: 2\n',
      'recipe.yaml:4:5: shrink-weights: option ratio',
      null,
    ],
    [
      'version: 1\nsteps:\n  - pass: shrink-weights\n    kind: row\n',
      'recipe.yaml:4:5: shrink-weights: option kind',
      'rows, columns',
    ],
    [
      'version: 1\nsteps:\n  - pass: shrink-weights\n    names: [a, 3]\n',
      'recipe.yaml:4:16: shrink-weights: option names.1',
      null,
    ],
    ['version: 1\nstep: []\n', 'recipe.yaml', null],
    ['version: 1\nsteps: []\nsed: 1\n', 'recipe.yaml:3:1: a recipe has no sed', 'seed?'],
    ['version: 2\nsteps: []\n', 'recipe.yaml:1:1: the version of a recipe is 1', 'version: 1'],
    ['steps: []\n', 'recipe.yaml:1:1: the version of a recipe is 1', 'version: 1'],
    ['version: 1\nsteps: {}\n', 'recipe.yaml:2:1: steps is a list', '- pass'],
    ['version: 1\nsteps:\n  - ratio: 1\n', 'recipe.yaml:3:5: a step needs the name of its pass', '- pass'],
    ['version: 1\nsteps:\n  - nonsense\n', 'recipe.yaml:3:5:', '- pass'],
    ['version: 1\nseed: -1\nsteps: []\n', 'recipe.yaml:2:1: seed is a whole number', null],
    ['- 1\n', 'recipe.yaml:1:1: a recipe is a map', 'version'],
    ['', 'recipe.yaml:1:1: a recipe is a map', 'version'],
    ['version: 1\nversion: 1\nsteps: []\n', 'recipe.yaml:2:1: Map keys must be unique', 'YAML'],
    ['version: 1\nsteps: [\n', 'recipe.yaml:', 'YAML'],
  ])('%j', async (text, message, hint) => {
    const error = await failure(text);
    expect(error.message).toContain(message);
    if (hint !== null) expect(error.hint).toContain(hint);
  });

  test('without a text, by its path', async () => {
    const recipe = { version: 1, steps: [{ pass: 'shrink-weights', rato: 1 }] };
    await expect(resolveRecipe(recipe, { passes, folder: '.' })).rejects.toThrow(
      'steps[0].rato: shrink-weights has no',
    );
  });
});

describe('a pass of your own', () => {
  const folder = temporaryFolder();
  const source = (name: string) =>
    `({ name: '${name}', kind: 'prune', summary: 's', needs: [], run() {}, options: { shape: {}, safeParse: (data) => ({ success: true, data }) } })`;

  test('is loaded from a module relative to the recipe', async () => {
    writeFileSync(join(folder, 'own.mjs'), `export const own = ${source('own')}; export const other = 1;`);
    const { steps } = await resolve('version: 1\nsteps:\n  - pass: ./own.mjs\n    strength: 3\n', folder);
    expect(steps[0].pass.name).toBe('own');
    expect(steps[0].options).toEqual({ strength: 3 });
  });

  test('is named where a module exports several', async () => {
    writeFileSync(join(folder, 'two.mjs'), `export const a = ${source('a')}; export const b = ${source('b')};`);
    expect((await failure('version: 1\nsteps:\n  - pass: ./two.mjs\n', folder)).hint).toContain('./two.mjs#a');
    const { steps } = await resolve('version: 1\nsteps:\n  - pass: ./two.mjs#b\n', folder);
    expect(steps[0].pass.name).toBe('b');
  });

  test('that is not there is an error with its place', async () => {
    const { message } = await failure('version: 1\nsteps:\n  - pass: ./none.mjs\n', folder);
    expect(message).toMatch(/^recipe\.yaml:3:5: cannot load the pass .*none\.mjs/);
  });

  test('can be the object itself', async () => {
    const { steps } = await resolveRecipe({ version: 1, steps: [{ pass: shrink }] }, { passes: [], folder: '.' });
    expect(steps[0].pass).toBe(shrink);
  });
});

test('the JSON Schema has every option with its default', () => {
  const schema = recipeJsonSchema(passes) as { properties: { steps: { items: { anyOf: unknown[] } } } };
  expect(schema.properties.steps.items.anyOf[0]).toMatchObject({
    title: 'shrink-weights',
    required: ['pass'],
    additionalProperties: false,
    properties: {
      pass: { const: 'shrink-weights' },
      ratio: { type: 'number', minimum: 0, maximum: 1, default: 0.5, description: 'how much goes' },
      kind: { enum: ['rows', 'columns'] },
    },
  });
});

test('the steps of quantize are cleanup, the pass with its options, cleanup', () => {
  const named = (name: string) => ({ ...shrink, name });
  const all = ['quantize-dynamic', 'eliminate-dead', 'fold-constants', 'prune-channels'].map(named);
  const steps = quantizeSteps(all, 'dynamic', { weightType: 'uint8' });
  expect(steps.map(({ pass }) => (pass as Pass).name)).toEqual([
    'fold-constants',
    'eliminate-dead',
    'quantize-dynamic',
    'eliminate-dead',
  ]);
  expect(steps[2]).toMatchObject({ weightType: 'uint8' });
});

test('weight-only quantization is two passes, the second for what keeps 8 bits', () => {
  const all = ['quantize-weights', 'quantize-dynamic'].map((name) => ({ ...shrink, name }));
  const stepsFor = (options: Readonly<Record<string, unknown>>) =>
    quantizeSteps(all, 'weight-only', options).map(({ pass, ...given }) => [(pass as Pass).name, given]);
  expect(stepsFor({ bits: 4 })).toEqual([
    ['quantize-weights', { bits: 4 }],
    ['quantize-dynamic', {}],
  ]);
  // Who names nodes means these alone.
  expect(stepsFor({ include: ['a'] })).toEqual([['quantize-weights', { include: ['a'] }]]);
  expect(stepsFor({ compute: 'float32', exclude: ['b'] })[1]).toEqual([
    'quantize-dynamic',
    { compute: 'float', exclude: ['b'] },
  ]);
  // Words that both passes know reach both.
  expect(stepsFor({ blockSize: 32, symmetric: false, minimumSize: 9 })[1]).toEqual([
    'quantize-dynamic',
    { symmetric: false, minimumSize: 9 },
  ]);
});

test('a narrower student is pruned before it is trained', () => {
  const named = (name: string) => ({ ...shrink, name });
  const all = ['fold-constants', 'prune-channels', 'prune-heads', 'prune-neurons', 'distill', 'eliminate-dead'].map(
    named,
  );
  const steps = trainingSteps(all, 'distill', { student: 'width:0.75', steps: 5 });
  expect(steps.map(({ pass, ...options }) => [(pass as Pass).name, options])).toEqual([
    ['fold-constants', {}],
    ['eliminate-dead', {}],
    ['prune-channels', { ratio: 0.25 }],
    ['prune-heads', { ratio: 0.25 }],
    ['prune-neurons', { ratio: 0.25 }],
    ['distill', { untrainable: 'refused', steps: 5 }],
    ['eliminate-dead', {}],
  ]);
  expect(() => trainingSteps(all, 'distill', { student: 'width:2' })).toThrow(/no share/);
});
