// `dsopt compare`: two models side by side.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { createProgress } from '../progress.js';
import { collect, parseCount, parseInputShape, parseSeed } from '../value-parsers.js';

interface CompareOptions extends OutputOptions {
  readonly data?: string;
  readonly metric?: readonly string[];
  readonly outputName?: string;
  readonly samples?: number;
  readonly batch: number;
  readonly seed: number;
  readonly inputShape?: Readonly<Record<string, readonly number[]>>;
}

export const compare: CommandModule<[string, string], CompareOptions> = {
  async configure(command: Command) {
    const { dataFlags } = await import('../data-flags.js');
    const { metricNames } = await import('../../metrics/index.js');
    command
      .argument('<a>', 'the model to compare with')
      .argument('<b>', 'the changed model')
      .option('--data <path>', 'run them on it (default: 8 seeded synthetic inputs, or as many as --samples says)')
      .option('--metric <name>', `auto, or of: ${metricNames.join(', ')} (repeatable) (default: auto)`, collect)
      .option('--output-name <name>', 'the output that answers (default: the first of floating point)')
      .option('--batch <n>', 'examples of the data at once', parseCount, 1)
      .option('--seed <n>', 'seed of synthetic inputs, of the order and of the intervals', parseSeed, 0)
      .option('--input-shape <name:shape>', 'shape of an input, like ids:1x128 (repeatable)', parseInputShape);
    for (const flag of dataFlags()) command.addOption(flag);
  },
  async run([a, b], options, { io, output, signal }) {
    const { compare: compareModels, loadModel } = await import('../../index.js');
    const { pickDataOptions } = await import('../data-flags.js');
    const { data, metric, outputName, samples, batch, seed, inputShape } = options;
    const [original, changed] = [await loadModel(a), await loadModel(b)];
    const progress = await createProgress(io, output);
    progress.step(data === undefined ? `running ${samples ?? 8} samples` : 'running both models', 0, 0);
    const report = await compareModels(original, changed, {
      ...(data === undefined ? { count: samples ?? 8 } : { data, dataOptions: pickDataOptions({ ...options }) }),
      metrics: metric && !metric.includes('auto') ? metric : undefined,
      outputName,
      batch,
      seed,
      inputShapes: inputShape,
      signal,
      onSample: progress.within,
    }).finally(progress.stop);
    if (output.json) output.printJson(report);
    else {
      const { renderComparison } = await import('../../report/index.js');
      output.print(renderComparison(report, output.style));
    }
  },
};
