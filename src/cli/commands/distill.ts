// `dsopt distill`: a smaller student learns what its teacher computes.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import { addTrainingFlags, runTraining, type TrainingCommandOptions } from '../training-command.js';

interface DistillOptions extends TrainingCommandOptions {
  readonly teacher: string;
}

export const distill: CommandModule<[], DistillOptions> = {
  async configure(command: Command) {
    command
      .requiredOption('--teacher <model>', 'the model to learn from')
      .requiredOption(
        '--student <student>',
        'a model file, layers:N to keep N of the residual blocks of the teacher, or width:0.5 to keep half of its channels, heads and neurons',
      )
      .requiredOption('--data <path>', 'what to train on: a folder of images, .npz, .tsv, .txt, a module, …')
      .requiredOption('-o, --output <file>', 'what to write');
    await addTrainingFlags(command, 'distill', ['teacher', 'student', 'data']);
  },
  run: (_, options, context) => runTraining('distill', options.teacher, options, context),
};
