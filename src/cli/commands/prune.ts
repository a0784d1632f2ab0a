// `dsopt prune`: takes out of a model what it does not need.
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { internalError, thresholdMissed } from '../../errors.js';
import type { CompressionReport } from '../../index.js';
import type { Pass } from '../../pass/index.js';
import type { PruneGranularity } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import type { Output } from '../output.js';
import { choiceFlags, type PassChoice, pickChoiceOptions } from '../pass-choice.js';
import { runCompression } from '../run-compression.js';
import { parseShare, parseSize } from '../value-parsers.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface PruneOptions extends WriteOptions {
  readonly output?: string;
  readonly granularity: PruneGranularity;
  readonly targetMacs?: number;
  readonly targetSize?: number;
  readonly explain?: boolean;
}

/** Options of passes that the command line says in other words. */
const ownWords: ReadonlySet<string> = new Set(['targetMacs', 'targetBytes']);

export const prune: CommandModule<[string], PruneOptions> = {
  async configure(command: Command) {
    const { choices } = await loadChoices();
    command
      .argument('<model>', 'the model to prune')
      .option('-o, --output <file>', 'what to write (default: model.pruned.onnx beside the model)')
      .addOption(
        new Option('--granularity <what>', 'what is removed')
          .choices(choices.map(({ word }) => word))
          .default('channels'),
      )
      .option('--target-macs <share>', 'multiply-accumulates that may stay, like 50%', parseShare)
      .option('--target-size <size>', 'how large the model may be, like 8MB', parseSize)
      .option('--explain', 'list everything that was considered, and why it stays or goes');
    for (const flag of choiceFlags(choices)) if (!ownWords.has(flag.attributeName())) command.addOption(flag);
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { pruneSteps, resolveRecipe } = await import('../../recipe/index.js');
    const { choices, passes } = await loadChoices();
    const { granularity, targetMacs, targetSize } = options;
    const parsed = { ...options, targetMacs, targetBytes: targetSize };
    const passOptions = pickChoiceOptions(choices, granularity, '--granularity', parsed);
    const steps = pruneSteps(passes, granularity, passOptions);
    const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
    const output = options.output ?? defaultOutput(path);
    const report = await runCompression({ command: 'prune', input: path, output, recipe }, options, context);
    if (options.explain && !context.output.json) explain(report, context.output);
    const missed = report.passes.find(({ metrics }) => metrics.targetMissed);
    if (missed)
      throw thresholdMissed(
        missed.warnings[0],
        'What could be reached was written; another granularity may give more.',
      );
  },
};

/** Everything that pruning passes considered. */
function explain(report: CompressionReport, output: Output): void {
  for (const { pass, changed, skipped } of report.passes) {
    if (!pass.startsWith('prune-')) continue;
    const width = Math.max(0, ...changed.map(({ target }) => target.length));
    for (const { target, what } of changed) output.print(`${target.padEnd(width)}  ${what}`);
    for (const { target, reason } of skipped) output.print(output.style.dim(`${target.padEnd(width)}  ${reason}`));
  }
}

/** `model.onnx` → `model.pruned.onnx`, in the same folder. */
function defaultOutput(model: string): string {
  const extension = extname(model);
  return join(dirname(model), `${basename(model, extension)}.pruned${extension || '.onnx'}`);
}

async function loadChoices(): Promise<{ readonly choices: readonly PassChoice[]; readonly passes: readonly Pass[] }> {
  const { builtinPasses } = await import('../../index.js');
  const { pruneGranularities } = await import('../../recipe/index.js');
  const passes: readonly Pass[] = builtinPasses;
  const choices = Object.entries(pruneGranularities).map(([word, name]) => {
    const pass = passes.find((candidate) => candidate.name === name);
    if (!pass) throw internalError(`There is no pass for --granularity ${word}`);
    return { word, pass };
  });
  return { choices, passes };
}
