// The recipes that come with dsopt as files: each is valid, and its paths start where it lies.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readRecipe } from '../../src/index.js';

const folder = resolve('recipes');

test.each(readdirSync(folder))('%s', async (name) => {
  const recipe = await readRecipe(join(folder, name));
  expect(recipe.steps.length).toBeGreaterThan(0);
  for (const { pass, options } of recipe.steps) {
    if (pass.needs.includes('training')) expect((options as { data: string }).data).toBe(join(folder, 'train.tsv'));
  }
});
