// `dsopt decompose`: weights as products of smaller ones.
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { internalError } from '../../errors.js';
import type { Pass } from '../../pass/index.js';
import type { DecomposeMethod } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { choiceFlags, type PassChoice, pickChoiceOptions } from '../pass-choice.js';
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
    const output = options.output ?? defaultOutput(path);
    await runCompression({ command: 'decompose', input: path, output, recipe }, options, context);
  },
};

/** `model.onnx` → `model.decomposed.onnx`, in the same folder. */
function defaultOutput(model: string): string {
  const extension = extname(model);
  return join(dirname(model), `${basename(model, extension)}.decomposed${extension || '.onnx'}`);
}

async function loadMethods(): Promise<{ readonly choices: readonly PassChoice[]; readonly passes: readonly Pass[] }> {
  const { builtinPasses } = await import('../../index.js');
  const { decomposeMethods } = await import('../../recipe/index.js');
  const passes: readonly Pass[] = builtinPasses;
  const choices = Object.entries(decomposeMethods).map(([word, name]) => {
    const pass = passes.find((candidate) => candidate.name === name);
    if (!pass) throw internalError(`There is no pass for --method ${word}`);
    return { word, pass };
  });
  return { choices, passes };
}
