// `dsopt eval`: task metrics of models on data, with their uncertainty, and how far models are from the first.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { createProgress } from '../progress.js';
import { collect, parseCount, parseSeed } from '../value-parsers.js';

interface EvalOptions extends OutputOptions {
  readonly data?: string;
  readonly metric?: readonly string[];
  readonly outputName?: string;
  readonly evalCommand?: string;
  readonly batch: number;
  readonly threads: number;
  readonly seed: number;
  readonly resume?: boolean;
}

export const evalCommand: CommandModule<[string[]], EvalOptions> = {
  async configure(command: Command) {
    const { dataFlags } = await import('../data-flags.js');
    const { metricNames } = await import('../../metrics/index.js');
    command
      .argument('<models...>', 'the models; differences are from the first')
      .option('--data <path>', 'a folder of images or wav files, .npz, .jsonl, .tsv, .csv, .txt, or a module')
      .option('--metric <name>', `auto, or of: ${metricNames.join(', ')} (repeatable) (default: auto)`, collect)
      .option('--output-name <name>', 'the output that answers (default: the first of floating point)')
      .option('--eval-command <command>', 'a program that evaluates {model} and prints JSON last, instead of --data')
      .option('--batch <n>', 'examples at once', parseCount, 1)
      .option('--threads <n>', 'threads of onnxruntime', parseCount, 1)
      .option('--resume', 'keep how far it is in a file beside the last model, and go on from there')
      .option('--seed <n>', 'seed of the order and of the intervals', parseSeed, 0);
    for (const flag of dataFlags()) command.addOption(flag);
  },
  async run([paths], options, { io, output, signal }) {
    const { usageError } = await import('../../errors.js');
    if ((options.data === undefined) === (options.evalCommand === undefined)) {
      throw usageError('Give either --data or --eval-command', 'dsopt eval model.onnx --data folder');
    }
    const { evaluate } = await import('../../index.js');
    const { pickDataOptions } = await import('../data-flags.js');
    const { data, evalCommand, metric, outputName, batch, threads, seed, resume } = options;
    const dataOptions = pickDataOptions({ ...options });
    const metrics = metric && !metric.includes('auto') ? metric : undefined;
    const progress = await createProgress(io, output);
    progress.step(`evaluating ${paths.length === 1 ? 'the model' : `${paths.length} models`}`, 0, 0);
    const report = await evaluate(paths, {
      ...{ data, dataOptions, evalCommand, metrics, outputName, batch, threads, seed, resume, signal },
      onProgress: progress.within,
    }).finally(progress.stop);
    if (output.json) {
      output.printJson(report);
      return;
    }
    const { renderEvaluation } = await import('../../report/index.js');
    output.print(renderEvaluation(report, output.style));
  },
};
