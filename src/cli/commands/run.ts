// `dsopt run`: a recipe on a model, from a file or one of the presets.
import { type Command, Option } from 'commander';
import { usageError } from '../../errors.js';
import type { ResolvedRecipe } from '../../index.js';
import type { PresetName } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { runCompression } from '../run-compression.js';
import { runToTheBest } from '../training-command.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface RunOptions extends WriteOptions {
  readonly input: string;
  readonly output: string;
  readonly preset?: PresetName;
}

export const run: CommandModule<[string | undefined], RunOptions> = {
  async configure(command: Command) {
    const { presets } = await import('../../recipe/index.js');
    const summaries = Object.entries(presets).map(([name, { summary }]) => `${name} (${summary})`);
    command
      .argument('[recipe]', 'YAML or JSON file; dsopt schema describes it')
      .requiredOption('-i, --input <model>', 'the model to start from')
      .requiredOption('-o, --output <file>', 'what to write')
      .addOption(
        new Option('--preset <name>', `a recipe that comes with dsopt: ${summaries.join('; ')}`).choices(
          Object.keys(presets),
        ),
      );
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const recipe = await recipeOf(path, options.preset);
    const compression = { command: 'run', input: options.input, output: options.output, recipe } as const;
    // Ctrl-C ends a training with the best weights so far, as in the commands that only train.
    const trains = recipe.steps.some(({ pass }) => pass.needs.includes('training'));
    await (trains ? runToTheBest : runCompression)(compression, options, context);
  },
};

async function recipeOf(path: string | undefined, preset: PresetName | undefined): Promise<ResolvedRecipe> {
  if ((path === undefined) === (preset === undefined)) {
    throw usageError('Give either a recipe file or --preset', 'dsopt run --help lists the presets.');
  }
  const { builtinPasses, readRecipe } = await import('../../index.js');
  if (path !== undefined) return readRecipe(path);
  const { presetSteps, resolveRecipe } = await import('../../recipe/index.js');
  const steps = presetSteps(builtinPasses, preset!);
  return resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
}
