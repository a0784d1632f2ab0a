// The life of `dsopt explain`: data or synthetic inputs, metrics that suit them, the measurements, the report.
import { basename, dirname, join } from 'node:path';
import { type DataOptions, type Dataset, type ModelInterface, openDataset } from '../data/index.js';
import { createOnnxRuntimeEngine, type Engine } from '../engine/index.js';
import { throwIfAborted, usageError } from '../errors.js';
import { suitableMetric } from '../evaluation/index.js';
import type { Model } from '../ir/index.js';
import { findMetric, type Metric, metricNames } from '../metrics/index.js';
import { describeEnvironment, describeModel, type ExplanationReport, schemaName } from '../report/index.js';
import { findWorkingFeeds } from '../synthetic/index.js';
import { type ExplainModelOptions, type Explanation, explainModel, type Method } from './explain-model.js';
import { syntheticDataset } from './synthetic-dataset.js';

export interface ExplainOptions {
  /** Bits that weights are tried at; the first ones decide the order of the nodes. Default 8 and 4. */
  readonly bits?: readonly number[];
  /** Path of data; default: seeded synthetic inputs. */
  readonly data?: string;
  /** How to read it; 16 samples unless it says otherwise. */
  readonly dataOptions?: DataOptions;
  /** Names of metrics; default: what suits the data. */
  readonly metrics?: readonly string[];
  /** The output that answers; default: the first of floating point. */
  readonly outputName?: string;
  /** Shapes of inputs by name, for synthetic inputs. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Threads of the engine; default 1. */
  readonly threads?: number;
  /** Of samples, intervals and synthetic inputs; default 0. */
  readonly seed?: number;
  /** Keeps finished measurements in a file beside the model, and goes on from those that are there. */
  readonly resume?: boolean;
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  readonly onProgress?: ExplainModelOptions['onProgress'];
}

export const defaultBits: readonly number[] = [8, 4];
const defaultSamples = { given: 16, synthetic: 8 };

/**
 * `prepared` is `model` after the cleanup that comes before quantization. Throws USAGE for options and data that do not fit, and what the
 * engine throws.
 */
export async function explain(
  model: Model,
  prepared: Model,
  methods: readonly Method[],
  options: ExplainOptions = {},
): Promise<ExplanationReport> {
  const { engine = createOnnxRuntimeEngine(), seed = 0, threads = 1, outputName } = options;
  const { signal = new AbortController().signal } = options;
  const start = performance.now();
  throwIfAborted(signal);
  const dataset = await openData(prepared, engine, options);
  try {
    const metrics = await metricsFor(dataset, options);
    const explanation = await explainModel(prepared, {
      methods,
      data: options.data !== undefined,
      dataset,
      metrics,
      outputName,
      engine,
      threads,
      seed,
      signal,
      cachePath: cachePath(model, options),
      onProgress: options.onProgress,
    });
    return {
      schema: schemaName,
      command: 'explain',
      seed,
      threads,
      model: describeModel(model),
      data: { path: options.data ?? null, description: dataset.description, samples: dataset.size },
      output: explanation.output,
      ...describeExplanation(explanation),
      environment: describeEnvironment(),
      timing: { milliseconds: performance.now() - start, ...latencies(explanation) },
    };
  } finally {
    await dataset.close();
  }
}

async function openData(
  model: Model,
  engine: Engine,
  { data, dataOptions, inputShapes, seed, signal }: ExplainOptions,
): Promise<Dataset> {
  const session = await engine.open(model, { lowMemory: true });
  try {
    if (data === undefined) {
      const feeds = await findWorkingFeeds(session, model, { seed, inputShapes, signal });
      return syntheticDataset(
        feeds,
        typeof dataOptions?.samples === 'number' ? dataOptions.samples : defaultSamples.synthetic,
      );
    }
    const folder = model.path === null ? null : dirname(model.path);
    const modelInterface: ModelInterface = { inputs: session.inputs, outputs: session.outputs, folder };
    return await openDataset(data, { seed, samples: defaultSamples.given, ...dataOptions }, modelInterface);
  } finally {
    await session.close();
  }
}

/** Those asked for; else what suits right answers in the data, and none where it holds none. */
async function metricsFor(dataset: Dataset, { data, metrics }: ExplainOptions): Promise<Metric[]> {
  if (metrics && metrics.length > 0) {
    return metrics.map((name) => {
      const metric = findMetric(name);
      if (!metric) throw usageError(`There is no metric ${name}`, `Possible: ${metricNames.join(', ')}.`);
      return metric;
    });
  }
  if (data === undefined) return [];
  const metric = await suitableMetric(dataset, 2);
  return metric.name === 'sqnr' ? [] : [metric];
}

function cachePath({ path }: Model, { resume }: ExplainOptions): string | null {
  if (!resume) return null;
  if (path === null) throw usageError('Only for a model from a file can work be resumed');
  return join(dirname(path), `.${basename(path)}.explain-cache.json`);
}

function describeExplanation({ original, methods, nodes }: Explanation) {
  return {
    original: original?.metrics.map(({ difference: _, ...figure }) => figure) ?? [],
    methods: methods.map(({ method, measure, all, keep, rest, exclude }) => ({
      bits: method.bits,
      description: method.description,
      measure,
      all: all && describeEffect(all),
      keep: [...keep],
      rest: rest && describeEffect(rest),
      exclude,
    })),
    nodes: nodes.map(({ node, operator, weights, bytes, macs, fisher, effects }) => ({
      node,
      operator,
      weights: [...weights],
      bytes,
      macs,
      fisher,
      effects: effects.map(({ effect, share, reason }, index) => ({
        bits: methods[index].method.bits,
        share,
        reason,
        effect: effect && describeEffect(effect),
      })),
    })),
  };
}

function describeEffect({ ownSqnr, metrics, fidelity, nonFinite }: NonNullable<Explanation['original']>) {
  return { ownSqnr, metrics: [...metrics], fidelity: [...fidelity], nonFinite };
}

function latencies({ nodes, microseconds }: Explanation): Pick<ExplanationReport['timing'], 'inference' | 'nodes'> {
  return {
    inference: microseconds,
    nodes: nodes.flatMap(({ node, microseconds: own }) => {
      return own === null || microseconds === 0 ? [] : [{ node, microseconds: own, share: own / microseconds }];
    }),
  };
}
