// `dsopt quantize`: weights in fewer bits, and arithmetic on them.
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { internalError } from '../../errors.js';
import type { Pass } from '../../pass/index.js';
import type { QuantizeMode } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { choiceFlags, type PassChoice, pickChoiceOptions } from '../pass-choice.js';
import { runCompression } from '../run-compression.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface QuantizeOptions extends WriteOptions {
  readonly output?: string;
  readonly mode?: QuantizeMode;
}

export const quantize: CommandModule<[string], QuantizeOptions> = {
  async configure(command: Command) {
    const { choices } = await loadModes();
    command
      .argument('<model>', 'the model to quantize')
      .option(
        '-o, --output <file>',
        'what to write (default: model.int8.onnx beside the model, or what the mode gives)',
      )
      .addOption(
        new Option('--mode <mode>', 'how (default: what suits the model)').choices(choices.map(({ word }) => word)),
      );
    for (const flag of choiceFlags(choices)) command.addOption(flag);
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { convolutionNote, quantizeModes, quantizeSteps, resolveRecipe, suggestMode } = await import(
      '../../recipe/index.js'
    );
    const { loadModel } = await import('../../onnx/index.js');
    const { choices, passes } = await loadModes();
    const model = await loadModel(path);
    const suggestion = suggestMode(model, { hasSamples: options.calibrationData !== undefined });
    const mode = options.mode ?? suggestion.mode;
    if (!options.mode) context.output.log(`--mode ${mode}: ${suggestion.reason}`);
    const note = mode === 'dynamic' ? convolutionNote(suggestion, { ...options }) : null;
    if (note) context.output.log(context.output.logStyle.yellow(note));
    const passOptions = pickChoiceOptions(choices, mode, '--mode', { ...options });
    const steps = quantizeSteps(passes, mode, passOptions);
    const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
    const compression = {
      command: 'quantize',
      input: model,
      output: options.output ?? defaultOutput(path, quantizeModes[mode].suffix(passOptions)),
      recipe,
    } as const;
    await runCompression({ ...compression, warnings: note ? [note] : [] }, options, context);
  },
};

/** `model.onnx` → `model.int8.onnx`, in the same folder. */
function defaultOutput(model: string, suffix: string): string {
  const extension = extname(model);
  return join(dirname(model), `${basename(model, extension)}.${suffix}${extension || '.onnx'}`);
}

async function loadModes(): Promise<{ readonly choices: readonly PassChoice[]; readonly passes: readonly Pass[] }> {
  const { builtinPasses } = await import('../../index.js');
  const { quantizeModes } = await import('../../recipe/index.js');
  const passes: readonly Pass[] = builtinPasses;
  const choices = Object.entries(quantizeModes).map(([word, { pass: name }]) => {
    const pass = passes.find((candidate) => candidate.name === name);
    if (!pass) throw internalError(`There is no pass for --mode ${word}`);
    return { word, pass };
  });
  return { choices, passes };
}
