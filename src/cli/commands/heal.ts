// `dsopt heal`: a compressed model is trained for a short time to give the outputs of its original again.
import type { Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import { addTrainingFlags, runTraining, type TrainingCommandOptions } from '../training-command.js';

export const heal: CommandModule<[string], TrainingCommandOptions> = {
  async configure(command: Command) {
    command
      .argument('<model>', 'the compressed model')
      .requiredOption('--teacher <model>', 'its original')
      .requiredOption('--data <path>', 'what to train on: a folder of images, .npz, .tsv, .txt, a module, …')
      .requiredOption('-o, --output <file>', 'what to write');
    await addTrainingFlags(command, 'heal', ['teacher', 'data']);
  },
  run: ([model], options, context) => runTraining('heal', model, options, context),
};
