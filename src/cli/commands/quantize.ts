// `dsopt quantize`: weights in fewer bits, and arithmetic on them.
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { internalError } from '../../errors.js';
import type { Pass } from '../../pass/index.js';
import type { QuantizeMode } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { passFlags, pickPassOptions } from '../option-flags.js';
import { runCompression } from '../run-compression.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

const modes: readonly QuantizeMode[] = ['dynamic'];

interface QuantizeOptions extends WriteOptions {
  readonly output?: string;
  readonly mode?: QuantizeMode;
}

export const quantize: CommandModule<[string], QuantizeOptions> = {
  async configure(command: Command) {
    const { pass } = await loadMode('dynamic');
    command
      .argument('<model>', 'the model to quantize')
      .option('-o, --output <file>', 'what to write (default: model.int8.onnx beside the model)')
      .addOption(new Option('--mode <mode>', 'how (default: what suits the model)').choices(modes));
    for (const flag of passFlags(pass)) command.addOption(flag);
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { convolutionNote, quantizeSteps, resolveRecipe, suggestMode } = await import('../../recipe/index.js');
    const { loadModel } = await import('../../onnx/index.js');
    const model = await loadModel(path);
    const suggestion = suggestMode(model);
    const mode = options.mode ?? suggestion.mode;
    if (!options.mode) context.output.log(`--mode ${mode}: ${suggestion.reason}`);
    const note = convolutionNote(suggestion, { ...options });
    if (note) context.output.log(context.output.logStyle.yellow(note));
    const { pass, passes } = await loadMode(mode);
    const steps = quantizeSteps(passes, mode, pickPassOptions(pass, { ...options }));
    const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
    const compression = {
      command: 'quantize',
      input: model,
      output: options.output ?? defaultOutput(path),
      recipe,
    } as const;
    await runCompression({ ...compression, warnings: note ? [note] : [] }, options, context);
  },
};

/** `model.onnx` → `model.int8.onnx`, in the same folder. */
function defaultOutput(model: string): string {
  const extension = extname(model);
  return join(dirname(model), `${basename(model, extension)}.int8${extension || '.onnx'}`);
}

async function loadMode(mode: QuantizeMode): Promise<{ readonly pass: Pass; readonly passes: readonly Pass[] }> {
  const { builtinPasses } = await import('../../index.js');
  const { quantizeModes } = await import('../../recipe/index.js');
  const passes: readonly Pass[] = builtinPasses;
  const pass = passes.find(({ name }) => name === quantizeModes[mode]);
  if (!pass) throw internalError(`There is no pass for --mode ${mode}`);
  return { pass, passes };
}
