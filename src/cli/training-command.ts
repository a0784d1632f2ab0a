// What `dsopt distill` and `dsopt heal` share: flags made from the options of their pass, and a first Ctrl-C that ends the training with the
// best weights so far (a second one ends the process).
import { getEventListeners } from 'node:events';
import type { Command, Option } from 'commander';
import { internalError } from '../errors.js';
import type { Pass } from '../pass/index.js';
import type { CommandContext } from './command-module.js';
import { passFlags, pickPassOptions } from './option-flags.js';
import { type Compression, runCompression } from './run-compression.js';
import { addWriteOptions, type WriteOptions } from './write-options.js';

export interface TrainingCommandOptions extends WriteOptions {
  readonly output: string;
}

/** `own`: long names of flags that the command declares itself. */
export async function addTrainingFlags(command: Command, name: string, own: readonly string[]): Promise<void> {
  const { dataOptions } = await import('../data/index.js');
  const flags = passFlags(await loadPass(name));
  // How data is read is said once, for training and evaluation.
  const elsewhere = new Set([...Object.keys(dataOptions.shape), 'untrainable', ...own]);
  for (const flag of flags) if (!elsewhere.has(flagOption(flag))) command.addOption(flag);
  await addWriteOptions(command);
}

function flagOption(flag: Option): string {
  return flag.attributeName();
}

/** Runs the pass on a model file, cleaned up before and after. */
export async function runTraining(
  name: 'distill' | 'heal',
  input: string,
  options: TrainingCommandOptions,
  context: CommandContext,
): Promise<void> {
  const { builtinPasses } = await import('../index.js');
  const { resolveRecipe, trainingSteps } = await import('../recipe/index.js');
  const passes: readonly Pass[] = builtinPasses;
  const steps = trainingSteps(passes, name, pickPassOptions(await loadPass(name), { ...options }));
  const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
  await runToTheBest({ command: name, input, output: options.output, recipe }, options, context);
}

/** The first Ctrl-C ends a training that is under way with the best weights so far, and the rest goes on; at other times it ends everything. */
export async function runToTheBest(
  compression: Compression,
  options: WriteOptions,
  { signal: finish, ...rest }: CommandContext,
): Promise<void> {
  const controller = new AbortController();
  const endAll = (): void => {
    const trainings = getEventListeners(finish, 'abort').length;
    if (trainings === 0) controller.abort(finish.reason);
  };
  finish.addEventListener('abort', endAll, { once: true });
  await runCompression({ ...compression, finish }, options, { ...rest, signal: controller.signal });
}

async function loadPass(name: string): Promise<Pass> {
  const { builtinPasses } = await import('../index.js');
  const pass = (builtinPasses as readonly Pass[]).find((candidate) => candidate.name === name);
  if (!pass) throw internalError(`There is no pass ${name}`);
  return pass;
}
