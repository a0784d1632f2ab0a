// `dsopt inspect`: what a model consists of.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { parseCount, parseInputShape } from '../value-parsers.js';

interface InspectOptions extends OutputOptions {
  readonly text?: boolean;
  readonly top: number;
  readonly inputShape?: Readonly<Record<string, readonly number[]>>;
}

export const inspect: CommandModule<[string], InspectOptions> = {
  configure(command: Command) {
    command
      .argument('<model>', 'the model to look at')
      .option('--text', "print the model in ONNX's text syntax instead, large weights left out")
      .option('--top <n>', 'how many of the largest tensors to list', parseCount, 10)
      .option('--input-shape <name:shape>', 'count MACs at this shape, like ids:1x128 (repeatable)', parseInputShape);
  },
  async run([path], { text, top, inputShape }, { output }) {
    const { loadModel } = await import('../../onnx/index.js');
    const model = await loadModel(path);
    if (text) {
      const { formatModel } = await import('../../ir/index.js');
      output.print(formatModel(model).trimEnd());
      return;
    }
    const { inspect: inspectModel } = await import('../../inspect.js');
    const report = await inspectModel(model, { top, inputShapes: inputShape });
    if (output.json) output.printJson(report);
    else {
      const { renderInspection } = await import('../../report/text/render-inspection.js');
      output.print(renderInspection(report, output.style));
    }
  },
};
