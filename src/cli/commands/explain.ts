// `dsopt explain`: what each node costs, what quantizing it would cost, and which nodes to keep in float.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { createProgress } from '../progress.js';
import { collect, parseBits, parseCount, parseInputShape, parseSeed } from '../value-parsers.js';

interface ExplainOptions extends OutputOptions {
  readonly data?: string;
  readonly metric?: readonly string[];
  readonly outputName?: string;
  readonly bits?: readonly number[];
  readonly top: number;
  readonly threads: number;
  readonly seed: number;
  readonly inputShape?: Readonly<Record<string, readonly number[]>>;
  readonly resume?: boolean;
}

export const explain: CommandModule<[string], ExplainOptions> = {
  async configure(command: Command) {
    const { dataFlags } = await import('../data-flags.js');
    const { metricNames } = await import('../../metrics/index.js');
    command
      .argument('<model>', 'the model, in float')
      .option('--data <path>', 'what dsopt eval takes (default: seeded synthetic inputs)')
      .option('--metric <name>', `auto, or of: ${metricNames.join(', ')} (repeatable) (default: auto)`, collect)
      .option('--output-name <name>', 'the output that answers (default: the first of floating point)')
      .option('--bits <list>', 'bits of the weights to try; the first decide the order (default: 8,4)', parseBits)
      .option('--top <n>', 'how many nodes to list', parseCount, 20)
      .option('--threads <n>', 'threads of onnxruntime', parseCount, 1)
      .option('--input-shape <name:shape>', 'shape of a synthetic input, like ids:1x128 (repeatable)', parseInputShape)
      .option('--seed <n>', 'seed of samples, intervals and synthetic inputs', parseSeed, 0)
      .option('--resume', 'keep what is measured in a file beside the model, and go on from what is there');
    for (const flag of dataFlags()) {
      if (flag.long === '--samples') flag.description = 'use so many (default: 16, and 8 synthetic ones)';
      command.addOption(flag);
    }
  },
  async run([path], options, { io, output, signal }) {
    const { explain: explainModel, loadModel } = await import('../../index.js');
    const { pickDataOptions } = await import('../data-flags.js');
    const { inputShape: inputShapes, metric, top, ...rest } = options;
    const metrics = metric?.includes('auto') ? undefined : metric;
    const progress = await createProgress(io, output);
    let current = '';
    const report = await explainModel(await loadModel(path), {
      ...rest,
      metrics,
      inputShapes,
      dataOptions: pickDataOptions({ ...options }),
      signal,
      onProgress(name, done, total) {
        if (name === current) progress.update(done);
        else {
          progress.stop();
          progress.step(name, done, total);
        }
        current = name;
      },
    }).finally(progress.stop);
    if (output.json) output.printJson(report);
    else {
      const { renderExplanation } = await import('../../report/index.js');
      output.print(renderExplanation(report, output.style, top));
    }
  },
};
