import { expect, test } from 'vitest';
import { builtinPasses } from '../../passes/index.js';
import { type PresetName, presetSteps, presets, resolveRecipe } from '../../src/recipe/index.js';

test.each(Object.keys(presets) as PresetName[])(
  '%s prunes first, then quantizes, with options its passes know',
  async (name) => {
    const { steps } = await resolveRecipe(
      { version: 1, steps: presetSteps(builtinPasses, name) },
      { passes: builtinPasses, folder: '.' },
    );
    const kinds = steps.map(({ pass }) => pass.kind).filter((kind) => kind !== 'cleanup');
    expect(kinds.lastIndexOf('prune')).toBeLessThan(kinds.indexOf('quantize'));
    expect(kinds.indexOf('prune')).toBe(0);
  },
);
