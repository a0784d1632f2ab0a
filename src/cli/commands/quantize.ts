// `dsopt quantize`: weights in fewer bits, and arithmetic on them.
import { dirname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from '../../errors.js';
import type { BundleDtype, QuantizeMode } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { flagName, pickPassOptions } from '../option-flags.js';
import { choiceFlags, loadChoices, outputBeside, type PassChoice, pickChoiceOptions } from '../pass-choice.js';
import { quantizeBundle } from '../quantize-bundle.js';
import { quantizeWithin } from '../quantize-within.js';
import { type Compression, runCompression } from '../run-compression.js';
import { sharingCalibration } from '../share-calibration.js';
import { parseShare, parseSize } from '../value-parsers.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface QuantizeOptions extends WriteOptions {
  readonly output?: string;
  readonly mode?: QuantizeMode;
  readonly dtypes?: readonly BundleDtype[];
  readonly layout?: 'transformers.js';
  readonly targetSize?: number;
  readonly targetLatency?: number;
  readonly exclude?: readonly string[];
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
    const { bundleDtypes } = await import('../../recipe/index.js');
    command
      .addOption(
        new Option(
          '--dtypes <list>',
          `instead of --mode: several forms at once, of: ${bundleDtypes.join(', ')}`,
        ).argParser((text: string) => parseDtypes(text, bundleDtypes)),
      )
      .addOption(new Option('--layout <name>', 'names of the files that --dtypes writes').choices(['transformers.js']));
    command
      .option(
        '--target-size <size>',
        'keep what is most sensitive in float (static) or with more bits (weight-only), up to this size, like 2MB',
        parseSize,
      )
      .option('--target-latency <share>', 'static: the same up to this latency, like 0.7x of the original', parseShare);
    for (const flag of choiceFlags(choices)) command.addOption(flag);
    command.option('--resume', 'keep finished weights in a folder beside the output, and go on from there');
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { convolutionNote, quantizeModes, quantizeSteps, resolveRecipe, suggestMode } = await import(
      '../../recipe/index.js'
    );
    const { loadModel } = await import('../../onnx/index.js');
    const { choices, passes } = await loadModes();
    const model = await loadModel(path);
    if (options.dtypes) {
      if (options.mode) throw usageError('--mode and --dtypes exclude each other');
      refuseOptions(choices, { ...options });
      await quantizeBundle(
        { model, input: path, output: options.output ?? dirname(path), dtypes: options.dtypes, passes },
        options,
        context,
      );
      return;
    }
    const suggestion = suggestMode(model, { hasSamples: options.calibrationData !== undefined });
    const mode = options.mode ?? suggestion.mode;
    if (!options.mode) context.output.log(`--mode ${mode}: ${suggestion.reason}`);
    const note = mode === 'dynamic' ? convolutionNote(suggestion, { ...options }) : null;
    if (note) context.output.log(context.output.logStyle.yellow(note));
    const given = pickChoiceOptions(choices, mode, '--mode', { ...options });
    // In WebAssembly MatMulNBits is slower than float for single tokens too.
    const passOptions = mode === 'weight-only' && options.target === 'web' ? { compute: 'int8', ...given } : given;
    const attempt = async (added: Readonly<Record<string, unknown>>): Promise<Compression> => {
      const steps = quantizeSteps(passes, mode, { ...passOptions, ...added });
      const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
      const output = options.output ?? outputBeside(path, quantizeModes[mode].suffix(passOptions));
      return { command: 'quantize', input: model, output, recipe, warnings: note ? [note] : [] };
    };
    const { targetSize: size, targetLatency: latency, maxDrop, evalData, exclude = [] } = options;
    const hasTarget = size !== undefined || latency !== undefined;
    const limited = mode === 'static' || (mode === 'weight-only' && latency === undefined) ? mode : null;
    if (hasTarget && limited === null)
      throw usageError(
        size === undefined
          ? '--target-latency is for --mode static'
          : '--target-size is for --mode static and weight-only',
      );
    if (hasTarget && maxDrop !== undefined)
      throw usageError('--max-drop and a target exclude each other', 'Give one limit.');
    if (hasTarget) {
      await sharingCalibration(limited!, model, options, (shared) =>
        quantizeWithin(limited!, { size, latency }, attempt, exclude, shared, context),
      );
    } else if (limited && maxDrop !== undefined && evalData !== undefined && !options.dryRun) {
      await sharingCalibration(limited, model, options, (shared) =>
        quantizeWithin(limited, null, attempt, exclude, shared, context),
      );
    } else await runCompression(await attempt({}), options, context);
  },
};

/** Forms come with their own options. */
function refuseOptions(choices: readonly PassChoice[], options: Readonly<Record<string, unknown>>): void {
  for (const choice of choices) {
    const [given] = Object.keys(pickPassOptions(choice.pass, options));
    if (given) throw usageError(`--${flagName(given)} is not for --dtypes`, `It is for --mode ${choice.word}.`);
  }
}

function parseDtypes(text: string, known: readonly BundleDtype[]): BundleDtype[] {
  return text.split(',').map((word) => {
    const dtype = known.find((candidate) => candidate === word.trim());
    if (!dtype) throw new InvalidArgumentError(`${word.trim() || 'Nothing'} is none of: ${known.join(', ')}.`);
    return dtype;
  });
}

async function loadModes() {
  const { quantizeModes } = await import('../../recipe/index.js');
  const words = Object.entries(quantizeModes).map(([word, { pass }]) => [word, pass]);
  return loadChoices('--mode', Object.fromEntries(words));
}
