// `dsopt prune`: takes out of a model what it does not need.
import { type Command, Option } from 'commander';
import { thresholdMissed, usageError } from '../../errors.js';
import type { CompressionReport } from '../../index.js';
import type { PruneGranularity } from '../../recipe/index.js';
import type { CommandModule } from '../command-module.js';
import { flagName } from '../option-flags.js';
import type { Output } from '../output.js';
import { choiceFlags, loadChoices, outputBeside, pickChoiceOptions } from '../pass-choice.js';
import { checkLatency, pruneToLatency } from '../prune-to-latency.js';
import { type Compression, runCompression } from '../run-compression.js';
import { parseShare, parseSize } from '../value-parsers.js';
import { addWriteOptions, type WriteOptions } from '../write-options.js';

interface PruneOptions extends WriteOptions {
  readonly output?: string;
  readonly granularity: PruneGranularity;
  readonly targetMacs?: number;
  readonly targetSize?: number;
  readonly targetLatency?: number;
  readonly ratio?: number;
  readonly multipleOf?: number;
  readonly branches?: boolean;
  readonly explain?: boolean;
  readonly tokenizer?: string;
}

/** Options of passes that the command line says in other words. */
const ownWords: ReadonlySet<string> = new Set(['targetMacs', 'targetBytes', 'tokenizer']);

export const prune: CommandModule<[string], PruneOptions> = {
  async configure(command: Command) {
    const { choices } = await loadGranularities();
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
      .option('--target-latency <share>', 'latency that may stay, measured with onnxruntime, like 0.6x', parseShare)
      .option('--explain', 'list everything that was considered, and why it stays or goes');
    for (const flag of choiceFlags(choices)) if (!ownWords.has(flag.attributeName())) command.addOption(flag);
    await addWriteOptions(command);
  },
  async run([path], options, context) {
    const { choices, passes } = await loadGranularities();
    const { granularity, targetMacs, targetSize, targetLatency } = options;
    checkTargets(options);
    const attempt = async (parsed: Readonly<Record<string, unknown>>): Promise<Compression> => {
      const { pruneSteps, resolveRecipe } = await import('../../recipe/index.js');
      // The tokenizer of the data is the one whose special tokens stay.
      const tokenizer = granularity === 'vocabulary' ? options.tokenizer : undefined;
      const given = { ...options, ...parsed, tokenizer };
      const passOptions = pickChoiceOptions(choices, granularity, '--granularity', given);
      const steps = pruneSteps(passes, granularity, passOptions);
      const recipe = await resolveRecipe({ version: 1, steps }, { passes, folder: '.' });
      return { command: 'prune', input: path, output: options.output ?? outputBeside(path, 'pruned'), recipe };
    };
    const report =
      targetLatency === undefined
        ? await runCompression(await attempt({ targetMacs, targetBytes: targetSize }), options, context)
        : await pruneToLatency(
            targetLatency,
            (share) => attempt({ ...forSpeed(options), targetMacs: share }),
            options,
            context,
          );
    if (options.explain && !context.output.json) await explain(report, context.output);
    const missed = report.passes.find(({ metrics }) => metrics.targetMissed);
    const hint = 'What could be reached was written; another granularity may give more.';
    if (missed) throw thresholdMissed(missed.warnings[0], hint);
    if (targetLatency !== undefined) checkLatency(report, targetLatency, hint);
  },
};

function checkTargets(options: PruneOptions): void {
  const given = (['ratio', 'targetMacs', 'targetSize', 'targetLatency'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (given.length < 2) return;
  throw usageError(`--${flagName(given[0])} and --${flagName(given[1])} exclude each other`, 'Give one target.');
}

/** What makes multiplications fewer in a way that counts: onnxruntime has other, slower kernels for channels that are no multiple of four. */
function forSpeed({ granularity, multipleOf = 4, branches = true }: PruneOptions): Readonly<Record<string, unknown>> {
  if (granularity === 'channels') return { costModel: 'padded', multipleOf, branches };
  return granularity === 'heads' || granularity === 'neurons' ? { costModel: 'padded' } : {};
}

/** Everything that pruning passes considered: what they tell as a table, then what changed and what stays. */
async function explain(report: CompressionReport, output: Output): Promise<void> {
  const { alignColumns, printable } = await import('../../report/index.js');
  for (const { pass, changed, skipped, table } of report.passes) {
    if (!pass.startsWith('prune-')) continue;
    if (table) {
      const [head, ...lines] = alignColumns(
        [table.columns, ...table.rows.map((row) => row.map(printable))],
        table.columns.map((_, column) => (table.rows.every((row) => /^\d+$/.test(row[column])) ? 'right' : 'left')),
      );
      output.print(output.style.bold(head), ...lines);
    }
    const width = Math.max(0, ...[...changed, ...skipped].map(({ target }) => printable(target).length));
    const line = (target: string, text: string): string => `${printable(target).padEnd(width)}  ${text}`;
    if (!table) for (const { target, what } of changed) output.print(line(target, what));
    for (const { target, reason } of skipped) output.print(output.style.dim(line(target, reason)));
  }
}

async function loadGranularities() {
  const { pruneGranularities } = await import('../../recipe/index.js');
  return loadChoices('--granularity', pruneGranularities);
}
