// The options that have original and result of a command evaluated, and what the result may cost.
import type { Command } from 'commander';
import type { ResolvedRecipe } from '../index.js';
import { collect } from './value-parsers.js';

export interface EvaluationOptions {
  readonly evalData?: string;
  readonly evalCommand?: string;
  readonly metric?: readonly string[];
  readonly maxDrop?: string;
  readonly outputName?: string;
}

type Evaluation = NonNullable<ResolvedRecipe['evaluation']>;

export async function addEvaluationOptions(command: Command): Promise<void> {
  const { metricNames } = await import('../metrics/index.js');
  const { dataFlags } = await import('./data-flags.js');
  command
    .option(
      '--eval-data <path>',
      'evaluate original and result on it: a folder of images or wav files, .npz, .tsv, .txt, …',
    )
    .option('--eval-command <command>', 'a program that evaluates {model} and prints JSON last, instead of --eval-data')
    .option('--metric <name>', `auto, or of: ${metricNames.join(', ')} (repeatable) (default: auto)`, collect)
    .option(
      '--max-drop <amount>',
      'most that the first metric may get worse: in its units (0.5 percentage points), or like 2% of the original; ' +
        'a result that is worse is not written (exit code 99)',
    )
    .option('--output-name <name>', 'the output that answers (default: the first of floating point)');
  for (const flag of dataFlags()) command.addOption(flag);
  // Commands that train have data of their own; elsewhere it can only be for this.
  if (command.options.some(({ long }) => long === '--data')) return;
  command.option('--data <path>', 'the same as --eval-data');
  command.on('option:data', (path: string) => command.setOptionValue('evalData', path));
}

/** What the command line says, and else the recipe. Throws USAGE for options that have nothing to work on. */
export async function evaluationOf(options: EvaluationOptions, recipe: Evaluation | null): Promise<Evaluation | null> {
  const { usageError } = await import('../errors.js');
  const { pickDataOptions } = await import('./data-flags.js');
  const { evalData, evalCommand, metric, maxDrop, outputName } = options;
  if (evalData !== undefined && evalCommand !== undefined) {
    throw usageError('--eval-data and --eval-command are two ways of evaluating', 'Give one of them.');
  }
  const given = evalData !== undefined || evalCommand !== undefined;
  if (!given && !recipe) {
    const [orphan] = Object.entries({ '--metric': metric, '--max-drop': maxDrop }).filter(([, value]) => value);
    if (orphan) throw usageError(`${orphan[0]} needs data to evaluate on`, 'Name it with --eval-data.');
    return null;
  }
  // Another source takes nothing over from the recipe but what it may cost.
  const base: Partial<Evaluation> = given ? { maxDrop: recipe?.maxDrop } : { ...recipe };
  return {
    ...base,
    ...(given && { data: evalData, evalCommand }),
    ...(metric && { metrics: metric.includes('auto') ? undefined : metric }),
    ...(maxDrop !== undefined && { maxDrop }),
    ...(outputName !== undefined && { outputName }),
    dataOptions: { ...base.dataOptions, ...pickDataOptions({ ...options }) },
  };
}
