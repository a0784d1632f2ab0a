// Models on data, or by a program of the user: what `dsopt eval` and the evaluation of compressed models tell.
import { CheckpointFile } from './checkpoint-file.js';
import { createOnnxRuntimeEngine } from './engine/index.js';
import { usageError } from './errors.js';
import {
  type EvaluateOptions as DataEvaluation,
  type Evaluation,
  evaluate as evaluateOnData,
  runEvalCommand,
} from './evaluation/index.js';
import type { Model } from './ir/index.js';
import { loadModel } from './onnx/index.js';
import { describeEnvironment, describeModel, type EvaluationReport, schemaName } from './report/index.js';

export interface EvaluateOptions extends Partial<Omit<DataEvaluation, 'onProgress' | 'openCheckpoint'>> {
  /** Instead of data: a program that evaluates `{model}` and prints JSON last. Models must be files then. */
  readonly evalCommand?: string;
  /** Keep how far the evaluation is in a file beside the last model, and go on from there. */
  readonly resume?: boolean;
  /** Called after every sample; `total` is null where only the end will tell. */
  readonly onProgress?: (done: number, total: number | null) => void;
}

/**
 * Task metrics of models (paths, or models in memory) with 95 % intervals, and how far each is from the first. Throws USAGE for data
 * that does not fit, IO, MODEL_UNSUPPORTED, ABORTED.
 */
export async function evaluate(
  models: readonly (string | Model)[],
  options: EvaluateOptions,
): Promise<EvaluationReport> {
  const { data, evalCommand } = options;
  if (models.length === 0) throw usageError('There is no model to evaluate');
  if ((data === undefined) === (evalCommand === undefined)) {
    throw usageError('Give either data or a program that evaluates', 'Either --data or --eval-command is needed.');
  }
  const { batch = 1, threads = 1, seed = 0 } = options;
  const bytes: number[] = [];
  for (const model of models) bytes.push(await bytesOf(model));
  const start = performance.now();
  const { inference, ...facts } =
    evalCommand === undefined
      ? await onData(models, bytes, { ...options, data: data ?? '' })
      : await byProgram(models, bytes, evalCommand, options);
  return {
    schema: schemaName,
    command: 'eval',
    ...facts,
    evalCommand: evalCommand ?? null,
    batch,
    threads,
    seed,
    environment: describeEnvironment(),
    timing: { milliseconds: performance.now() - start, inference },
  };
}

type Findings = Pick<EvaluationReport, 'data' | 'output' | 'models'> & { readonly inference: number[] };

async function onData(
  models: readonly (string | Model)[],
  bytes: readonly number[],
  { engine = createOnnxRuntimeEngine(), resume = false, ...options }: EvaluateOptions & { readonly data: string },
): Promise<Findings> {
  const file = resume ? new CheckpointFile(models, options) : null;
  const openCheckpoint = file ? (facts: object) => file.open(facts) : undefined;
  const result = await evaluateOnData(models, { ...options, engine, openCheckpoint });
  file?.remove();
  return {
    data: { path: options.data, description: result.data, examples: result.examples },
    output: result.output,
    models: describeEvaluation(result, bytes),
    inference: result.models.map((model) => model.inference),
  };
}

/** Models as reports say them; `bytes` of each of them in order. */
export function describeEvaluation(
  { models }: Pick<Evaluation, 'models'>,
  bytes: readonly number[],
): EvaluationReport['models'] {
  return models.map(({ name, metrics, fidelity, nonFinite }, index) => ({
    path: name,
    bytes: bytes[index],
    metrics: [...metrics],
    fidelity: fidelity.map(({ difference: _, ...figure }) => figure),
    nonFinite,
  }));
}

async function byProgram(
  models: readonly (string | Model)[],
  bytes: readonly number[],
  command: string,
  { metrics, signal, onProgress }: EvaluateOptions,
): Promise<Findings> {
  const evaluated: EvaluationReport['models'] = [];
  for (const [index, model] of models.entries()) {
    const path = typeof model === 'string' ? model : model.path;
    if (path === null) throw usageError('A program can evaluate model files only', 'Save the model first.');
    const { name, value } = await runEvalCommand(command, path, { metric: metrics?.[0], signal });
    const metric = { name, value, interval: null, difference: null };
    evaluated.push({ path, bytes: bytes[index], metrics: [metric], fidelity: [], nonFinite: 0 });
    onProgress?.(index + 1, models.length);
  }
  const data = { path: null, description: `as the program says: ${command}`, examples: null };
  return { data, output: null, models: evaluated, inference: [] };
}

async function bytesOf(model: string | Model): Promise<number> {
  return describeModel(typeof model === 'string' ? await loadModel(model) : model).bytes;
}
