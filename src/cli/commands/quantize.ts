// `dsopt quantize`: weights in fewer bits, and arithmetic on them.
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { CommandModule } from '../command-module.js';
import { passFlags, pickPassOptions } from '../option-flags.js';
import { runCompression } from '../run-compression.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface QuantizeOptions extends WriteOptions {
  readonly output?: string;
  readonly mode?: 'dynamic';
}

export const quantize: CommandModule<[string], QuantizeOptions> = {
  async configure(command: Command) {
    const { builtinPasses, quantizeModes } = await import('../../index.js');
    command
      .argument('<model>', 'the model to quantize')
      .option('-o, --output <file>', 'what to write (default: model.int8.onnx beside the model)')
      .addOption(
        new Option('--mode <mode>', 'how (default: what suits the model)').choices(Object.keys(quantizeModes)),
      );
    for (const pass of builtinPasses) {
      if (Object.values<string>(quantizeModes).includes(pass.name)) passFlags(pass).forEach((flag) => command.addOption(flag));
    }
    addWriteOptions(command);
  },
  async run([model], options, context) {
    const { builtinPasses, quantizeModes, quantizeSteps, resolveRecipe } = await import('../../index.js');
    const mode = options.mode ?? 'dynamic';
    const pass = builtinPasses.find(({ name }) => name === quantizeModes[mode]);
    const steps = quantizeSteps(builtinPasses, mode, pass ? pickPassOptions(pass, { ...options }) : {});
    const recipe = await resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
    await runCompression({ command: 'quantize', input: model, output: options.output ?? defaultOutput(model), recipe }, options, context);
  },
};

/** `model.onnx` → `model.int8.onnx`, in the same folder. */
function defaultOutput(model: string): string {
  const extension = extname(model);
  return join(dirname(model), `${basename(model, extension)}.int8${extension || '.onnx'}`);
}
