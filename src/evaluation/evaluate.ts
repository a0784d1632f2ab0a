// Evaluates models on data: opens the data for the first model, chooses metrics, runs all of them.
import { dirname } from 'node:path';
import {
  type Dataset,
  type ModelInterface,
  type OpenDatasetOptions,
  openDataset,
  type Targets,
} from '../data/index.js';
import type { Engine, Session } from '../engine/index.js';
import { throwIfAborted, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { findMetric, type Metric, metricNames } from '../metrics/index.js';
import { loadModel } from '../onnx/index.js';
import {
  type Checkpoint,
  type EvaluatedModel,
  type EvaluateModelsOptions,
  type Evaluation,
  evaluateModels,
} from './evaluate-models.js';
import { outputKind } from './output-kind.js';

export interface EvaluateOptions extends Omit<EvaluateModelsOptions, 'metrics' | 'checkpoint'> {
  /** Path of the data. */
  readonly data: string;
  /** How to read it. */
  readonly dataOptions?: OpenDatasetOptions;
  /** Names of metrics; default: what suits the data. */
  readonly metrics?: readonly string[];
  readonly threads?: number;
  readonly engine: Engine;
  /** Where an interrupted evaluation goes on; `facts` is what the result depends on besides models and data. */
  readonly openCheckpoint?: (facts: object) => Promise<Checkpoint>;
}

export interface EvaluationResult extends Evaluation {
  readonly data: string;
  readonly metrics: readonly Metric[];
}

/**
 * `inputs`: paths, or models. One that is named twice is opened once. Throws USAGE for unknown metrics and for data that does not
 * fit, IO and MODEL_UNSUPPORTED from what it opens.
 */
export async function evaluate(
  inputs: readonly (string | Model)[],
  options: EvaluateOptions,
): Promise<EvaluationResult> {
  const wanted = options.metrics?.map(requireMetric) ?? null;
  const models: EvaluatedModel[] = [];
  let dataset: Dataset | null = null;
  try {
    for (const [index, input] of inputs.entries()) {
      models.push(models[inputs.indexOf(input)] ?? (await openModel(input, options)));
      throwIfAborted(options.signal);
      // Creating a session blocks this thread: signals come through between two of them.
      if (index + 1 < inputs.length) await new Promise((resolve) => setImmediate(resolve));
    }
    const [{ session }] = models;
    const modelInterface: ModelInterface = {
      inputs: session.inputs,
      outputs: session.outputs,
      folder: models[0].name === null ? null : dirname(models[0].name),
    };
    dataset = await openDataset(options.data, { seed: options.seed, ...options.dataOptions }, modelInterface);
    const metrics = wanted ?? [await suitableMetric(dataset, models.length)];
    const facts = { kind: dataset.kind, size: dataset.size, metrics: metrics.map(({ name }) => name) };
    const checkpoint = await options.openCheckpoint?.(facts);
    const evaluation = await evaluateModels(models, dataset, { ...options, metrics, checkpoint });
    return { ...evaluation, data: dataset.description, metrics };
  } finally {
    await dataset?.close();
    for (const session of new Set(models.map((model) => model.session))) await session.close();
  }
}

async function openModel(input: string | Model, { engine, threads = 1 }: EvaluateOptions): Promise<EvaluatedModel> {
  const model = typeof input === 'string' ? await loadModel(input) : input;
  const session: Session = await engine.open(input, { threads });
  return { name: model.path, session, outputKind: (output) => outputKind(model, output) };
}

/** Throws USAGE for a name that no metric has. */
export function requireMetric(name: string): Metric {
  const metric = findMetric(name);
  if (!metric) throw usageError(`There is no metric ${name}`, `Possible: ${metricNames.join(', ')}.`);
  return metric;
}

/** What suits the kind of data and the answers it holds. */
export async function suitableMetric(dataset: Dataset, models: number): Promise<Metric> {
  return requireMetric(suitableName(dataset, await firstTargets(dataset), models));
}

function suitableName({ kind, byteLevel, description }: Dataset, targets: Targets | null, models: number): string {
  if (targets?.kind === 'tensors') return 'mse';
  if (targets) {
    if (targets.text) return byteLevel ? 'nats-per-byte' : 'perplexity';
    return kind === 'images' ? 'top1' : 'accuracy';
  }
  if (models > 1) return 'sqnr';
  throw usageError(
    `There are no right answers in the data: ${description}`,
    'Name the file or column of the labels, or give a second model to compare with.',
  );
}

async function firstTargets(dataset: Dataset): Promise<Targets | null> {
  for await (const { targets } of dataset.samples()) return targets;
  return null;
}
