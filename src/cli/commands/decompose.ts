// `dsopt decompose`: weights as products of smaller ones.
import { type Command, Option } from 'commander';
import { thresholdMissed } from '../../errors.js';
import type { DecomposeMethod } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { decomposeToDrop } from '../decompose-to-drop.js';
import { choiceFlags, loadChoices, outputBeside, pickChoiceOptions } from '../pass-choice.js';
import { type Compression, runCompression } from '../run-compression.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

/** What says how far to go; without any of them `--max-drop` does. */
const rankRules = ['targetParams', 'targetMacs', 'targetSize', 'ratio', 'energy', 'rank', 'mostDivergence'] as const;

interface DecomposeOptions extends WriteOptions, Partial<Record<(typeof rankRules)[number], unknown>> {
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
    const { method, maxDrop } = options;
    const attempt = async (given: Readonly<Record<string, unknown>>): Promise<Compression> => {
      const passOptions = pickChoiceOptions(choices, method, '--method', { ...options, ...given });
      const steps = decomposeSteps(passes, method, passOptions);
      const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
      return { command: 'decompose', input: path, output: options.output ?? outputBeside(path, 'decomposed'), recipe };
    };
    const ruled = rankRules.some((rule) => options[rule] !== undefined);
    if (maxDrop !== undefined && !ruled) {
      await decomposeToDrop(maxDrop, (targetParams) => attempt({ targetParams }), options, context);
      return;
    }
    const report = await runCompression(await attempt({}), options, context);
    const missed = report.passes.find(({ metrics }) => metrics.targetMissed);
    if (missed) {
      throw thresholdMissed(
        missed.warnings.at(-1)!,
        'What could be reached was written; --no-check-speed or fewer exclusions give more.',
      );
    }
  },
};

async function loadMethods() {
  const { decomposeMethods } = await import('../../recipe/index.js');
  return loadChoices('--method', decomposeMethods);
}
