// `dsopt decompose`: weights as products of smaller ones.
import { type Command, Option } from 'commander';
import type { DecomposeMethod } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { choiceFlags, loadChoices, outputBeside, pickChoiceOptions } from '../pass-choice.js';
import { runCompression } from '../run-compression.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface DecomposeOptions extends WriteOptions {
  readonly output?: string;
  readonly method: DecomposeMethod;
}

export const decompose: CommandModule<[string], DecomposeOptions> = {
  async configure(command: Command) {
    const { choices } = await loadMethods();
    command
      .argument('<model>', 'the model to decompose')
      .option('-o, --output <file>', 'what to write (default: model.decomposed.onnx beside the model)')
      .addOption(
        new Option('--method <method>', 'how; auto: tucker for Conv, low-rank for MatMul and Gemm')
          .choices(choices.map(({ word }) => word))
          .default('auto'),
      );
    for (const flag of choiceFlags(choices)) command.addOption(flag);
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { decomposeSteps, resolveRecipe } = await import('../../recipe/index.js');
    const { choices, passes } = await loadMethods();
    const { method } = options;
    const steps = decomposeSteps(passes, method, pickChoiceOptions(choices, method, '--method', { ...options }));
    const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
    const output = options.output ?? outputBeside(path, 'decomposed');
    await runCompression({ command: 'decompose', input: path, output, recipe }, options, context);
  },
};

async function loadMethods() {
  const { decomposeMethods } = await import('../../recipe/index.js');
  return loadChoices('--method', decomposeMethods);
}
