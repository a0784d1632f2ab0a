// `dsopt compare`: two models side by side.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { createProgress } from '../progress.js';
import { parseCount, parseInputShape, parseSeed } from '../value-parsers.js';

interface CompareOptions extends OutputOptions {
  readonly samples: number;
  readonly seed: number;
  readonly inputShape?: Readonly<Record<string, readonly number[]>>;
}

export const compare: CommandModule<[string, string], CompareOptions> = {
  configure(command: Command) {
    command
      .argument('<a>', 'the model to compare with')
      .argument('<b>', 'the changed model')
      .option('--samples <n>', 'how many seeded synthetic inputs to run', parseCount, 8)
      .option('--seed <n>', 'their seed', parseSeed, 0)
      .option('--input-shape <name:shape>', 'shape of an input, like ids:1x128 (repeatable)', parseInputShape);
  },
  async run([a, b], { samples, seed, inputShape }, { io, output, signal }) {
    const { compare: compareModels, loadModel } = await import('../../index.js');
    const [original, changed] = [await loadModel(a), await loadModel(b)];
    const progress = await createProgress(io, output);
    progress.step(`running ${samples} samples`, 0, samples);
    const report = await compareModels(original, changed, {
      count: samples,
      seed,
      inputShapes: inputShape,
      signal,
      onSample: progress.update,
    }).finally(progress.stop);
    if (output.json) output.printJson(report);
    else {
      const { renderComparison } = await import('../../report/index.js');
      output.print(renderComparison(report, output.style));
    }
  },
};
