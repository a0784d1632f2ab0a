// `dsopt eval`: task metrics of models on data, with their uncertainty, and how far models are from the first.
import type { Command } from 'commander';
import type { EvaluationReport } from '../../report/index.js';
import type { CommandContext, CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { createProgress } from '../progress.js';
import { collect, parseCount, parseSeed } from '../value-parsers.js';

interface EvalOptions extends OutputOptions {
  readonly data?: string;
  readonly metric?: readonly string[];
  readonly outputName?: string;
  readonly evalCommand?: string;
  readonly batch: number;
  readonly threads: number;
  readonly seed: number;
}

export const evalCommand: CommandModule<[string[]], EvalOptions> = {
  async configure(command: Command) {
    const { dataFlags } = await import('../data-flags.js');
    const { metricNames } = await import('../../metrics/index.js');
    command
      .argument('<models...>', 'the models; differences are from the first')
      .option('--data <path>', 'a folder of images or wav files, .npz, .jsonl, .tsv, .csv, .txt, or a module')
      .option('--metric <name>', `auto, or of: ${metricNames.join(', ')} (repeatable) (default: auto)`, collect)
      .option('--output-name <name>', 'the output that answers (default: the first of floating point)')
      .option('--eval-command <command>', 'a program that evaluates {model} and prints JSON last, instead of --data')
      .option('--batch <n>', 'examples at once', parseCount, 1)
      .option('--threads <n>', 'threads of onnxruntime', parseCount, 1)
      .option('--seed <n>', 'seed of the order and of the intervals', parseSeed, 0);
    for (const flag of dataFlags()) command.addOption(flag);
  },
  async run([paths], options, context) {
    const { usageError } = await import('../../errors.js');
    if ((options.data === undefined) === (options.evalCommand === undefined)) {
      throw usageError('Give either --data or --eval-command', 'dsopt eval model.onnx --data folder');
    }
    const { renderEvaluation } = await import('../../report/index.js');
    const report =
      options.data === undefined ? await runProgram(paths, options, context) : await runData(paths, options, context);
    if (context.output.json) context.output.printJson(report);
    else context.output.print(renderEvaluation(report, context.output.style));
  },
};

async function runData(
  paths: readonly string[],
  options: EvalOptions,
  { io, output, signal }: CommandContext,
): Promise<EvaluationReport> {
  const { evaluate } = await import('../../evaluation/index.js');
  const { createOnnxRuntimeEngine } = await import('../../engine/index.js');
  const { pickDataOptions } = await import('../data-flags.js');
  const { metric, outputName, batch, threads, seed, data = '' } = options;
  const dataOptions = pickDataOptions({ ...options });
  const bytes = await fileBytes(paths);
  const progress = await createProgress(io, output);
  const metrics = metric && !metric.includes('auto') ? metric : undefined;
  const start = performance.now();
  let begun = false;
  const onProgress = (done: number, total: number | null): void => {
    if (begun) progress.update(done);
    else progress.step(`evaluating ${paths.length === 1 ? 'the model' : `${paths.length} models`}`, done, total ?? 0);
    begun = true;
  };
  const engine = createOnnxRuntimeEngine();
  const settings = { data, dataOptions, metrics, outputName, batch, threads, seed };
  const result = await evaluate(paths, { ...settings, engine, signal, onProgress }).finally(progress.stop);
  return {
    ...(await reportHead(options)),
    data: { path: data, description: result.data, examples: result.examples },
    output: result.output,
    models: result.models.map(({ name, metrics, fidelity, nonFinite }, index) => ({
      path: name,
      bytes: bytes[index],
      metrics: [...metrics],
      fidelity: fidelity.map(({ difference: _, ...figure }) => figure),
      nonFinite,
    })),
    timing: { milliseconds: performance.now() - start, inference: result.models.map(({ inference }) => inference) },
  };
}

async function runProgram(
  paths: readonly string[],
  options: EvalOptions,
  { signal }: CommandContext,
): Promise<EvaluationReport> {
  const { runEvalCommand } = await import('../../evaluation/index.js');
  const { evalCommand: command = '', metric } = options;
  const bytes = await fileBytes(paths);
  const start = performance.now();
  const models: EvaluationReport['models'] = [];
  for (const [index, path] of paths.entries()) {
    const wanted = metric?.find((name) => name !== 'auto');
    const { name, value } = await runEvalCommand(command, path, { metric: wanted, signal });
    models.push({
      path,
      bytes: bytes[index],
      metrics: [{ name, value, interval: null, difference: null }],
      fidelity: [],
      nonFinite: 0,
    });
  }
  return {
    ...(await reportHead(options)),
    data: { path: null, description: `as the program says: ${command}`, examples: null },
    output: null,
    models,
    timing: { milliseconds: performance.now() - start, inference: [] },
  };
}

type ReportHead = Omit<EvaluationReport, 'data' | 'output' | 'models' | 'timing'>;

async function reportHead({ evalCommand, batch, threads, seed }: EvalOptions): Promise<ReportHead> {
  const { describeEnvironment, schemaName } = await import('../../report/index.js');
  return {
    schema: schemaName,
    command: 'eval',
    evalCommand: evalCommand ?? null,
    batch,
    threads,
    seed,
    environment: describeEnvironment(),
  };
}

async function fileBytes(paths: readonly string[]): Promise<number[]> {
  const { modelFileBytes } = await import('../../report/index.js');
  return Promise.all(paths.map(modelFileBytes));
}
