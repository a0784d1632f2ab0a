// `dsopt run`: a recipe on a model.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import { runCompression } from '../run-compression.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface RunOptions extends WriteOptions {
  readonly input: string;
  readonly output: string;
}

export const run: CommandModule<[string], RunOptions> = {
  async configure(command: Command) {
    command
      .argument('<recipe>', 'YAML or JSON file; dsopt schema describes it')
      .requiredOption('-i, --input <model>', 'the model to start from')
      .requiredOption('-o, --output <file>', 'what to write');
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { readRecipe } = await import('../../index.js');
    const recipe = await readRecipe(path);
    await runCompression({ command: 'run', input: options.input, output: options.output, recipe }, options, context);
  },
};
