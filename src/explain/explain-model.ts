// What every quantizable node of a model costs, and what quantizing it would cost: each is quantized alone, by the pass that would do it, in
// one session that switches between the node and its quantized copy; then all together, and all but those worth keeping.
import type { Dataset } from '../data/index.js';
import type { Engine, Feeds } from '../engine/index.js';
import { DsoptError } from '../errors.js';
import { cloneModel, type Model, type Node } from '../ir/index.js';
import type { Metric } from '../metrics/index.js';
import { createWorkers } from '../parallel/index.js';
import { nodeLabel, type Pass, type RunEnvironment, runPass } from '../pass/index.js';
import { describeEnvironment } from '../report/index.js';
import { fisherInformation } from '../training/index.js';
import { costOf, type Effect, type Measure, measureOf } from './effect.js';
import { cheapestPrefix, chooseKept, excludeFlags, rank, selectorOf } from './keep-list.js';
import { macsAt, measureLatencies, weightsOf } from './node-costs.js';
import { contentKey, ResultCache } from './result-cache.js';
import { Sweep } from './sweep.js';
import { switchNodes } from './switch-nodes.js';
import { openSwitched } from './switched-session.js';

/** A way to quantize a node. */
export interface Method {
  readonly bits: number;
  /** A node is quantized by the first of them that does it. */
  readonly steps: readonly {
    readonly pass: Pass;
    readonly options: Readonly<Record<string, unknown>>;
  }[];
  /** In words. */
  readonly description: string;
}

export interface ExplainModelOptions {
  /** `dataset` is real data. */
  readonly data: boolean;
  readonly methods: readonly Method[];
  readonly dataset: Dataset;
  readonly metrics: readonly Metric[];
  readonly outputName?: string;
  readonly engine: Engine;
  readonly threads: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** File of finished measurements, to go on from; null keeps none. */
  readonly cachePath: string | null;
  /** `done` of `total` inferences. */
  readonly onProgress?: (name: string, done: number, total: number) => void;
}

export interface ExplainedNode {
  readonly node: string;
  readonly operator: string;
  /** Names of its weights. */
  readonly weights: readonly string[];
  readonly bytes: number;
  /** Multiply-accumulates of one inference; null where shapes are not known. */
  readonly macs: number | null;
  /** What its weights matter by the Fisher information; null without data, or without gradients. */
  readonly fisher: number | null;
  /** By method. */
  readonly effects: readonly NodeEffect[];
  /** Microseconds of one inference; null where it is inside of a subgraph. */
  readonly microseconds: number | null;
}

/** An effect with its share of the sum over all nodes, or the reason why there is none. */
export type NodeEffect =
  | { readonly effect: Effect; readonly share: number; readonly reason: null }
  | { readonly effect: null; readonly share: null; readonly reason: string };

export interface ExplainedMethod {
  readonly method: Method;
  readonly measure: Measure;
  /** All nodes quantized; null where there is none. */
  readonly all: Effect | null;
  /** Labels of the nodes worth keeping in float, costliest first. */
  readonly keep: readonly string[];
  /** All but those quantized; null where there are none to keep. */
  readonly rest: Effect | null;
  /** To be pasted behind `dsopt quantize`. */
  readonly exclude: string;
}

export interface Explanation {
  readonly output: string | null;
  /** The model in float; null where nothing was measured. */
  readonly original: Effect | null;
  readonly methods: readonly ExplainedMethod[];
  /** By what they cost under the first method, costliest first. */
  readonly nodes: readonly ExplainedNode[];
  /** Microseconds of one inference. */
  readonly microseconds: number;
}

interface MethodResult extends ExplainedMethod {
  readonly output: string | null;
  readonly original: Effect | null;
  readonly byLabel: ReadonlyMap<string, NodeEffect>;
}

/** `model` after cleanup: weights as initializers. Throws what passes, engine and data throw. */
export async function explainModel(model: Model, options: ExplainModelOptions): Promise<Explanation> {
  const { methods, dataset, engine, signal } = options;
  const workers = createWorkers();
  try {
    const cache = await openCache(model, options);
    const results: MethodResult[] = [];
    for (const method of methods) {
      const environment = { original: model, engine, workers, samples: null, signal, seed: options.seed };
      results.push(await explainMethod(model, method, { ...options, cache, environment }));
    }
    const latencies = await measureLatencies(model, dataset, { engine, signal });
    const macs = macsAt(model, await firstFeeds(dataset));
    const fisher = await fisherOf(model, options);
    const places = new Map([...model.graph.nodes()].map((node, place) => [node, place]));
    const nodes = [...model.allNodes()]
      .filter((node) => results.some(({ byLabel }) => byLabel.has(nodeLabel(node))))
      .map((node): ExplainedNode => {
        const place = places.get(node);
        const microseconds = place === undefined ? null : (latencies.byNode.get(place) ?? 0);
        const described = describeNode(node, macs(node));
        const effects = effectsOf(node, results);
        return { ...described, fisher: fisher && sumOf(described.weights, fisher), effects, microseconds };
      });
    const order = rank(nodes.map(({ effects }) => effects[0].share ?? -1));
    return {
      output: results.find(({ output }) => output !== null)?.output ?? null,
      original: results.find(({ original }) => original !== null)?.original ?? null,
      methods: results.map(({ method, measure, all, keep, rest, exclude }) => {
        return { method, measure, all, keep, rest, exclude };
      }),
      nodes: order.map((index) => nodes[index]),
      microseconds: latencies.total,
    };
  } finally {
    await workers.close();
  }
}

/** By weight; null without data, and where the model has no gradients. */
async function fisherOf(
  model: Model,
  { data, dataset, engine, threads, signal }: ExplainModelOptions,
): Promise<ReadonlyMap<string, number> | null> {
  if (!data || dataset.states.length > 0) return null;
  async function* feeds(): AsyncGenerator<Feeds> {
    for await (const sample of dataset.samples()) yield sample.feeds;
  }
  try {
    return await fisherInformation(model, feeds(), { engine, threads, signal });
  } catch (cause) {
    if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
    return null;
  }
}

function sumOf(names: readonly string[], values: ReadonlyMap<string, number>): number | null {
  const known = names.flatMap((name) => values.get(name) ?? []);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
}

type MethodOptions = ExplainModelOptions & {
  readonly cache: ResultCache<Effect> | null;
  readonly environment: RunEnvironment;
};

async function explainMethod(model: Model, method: Method, options: MethodOptions): Promise<MethodResult> {
  const { engine, threads, environment, onProgress, dataset, cache, ...rest } = options;
  const trial = await tryOut(model, method, environment);
  const switched = switchNodes(model, trial.changed);
  const base = { method, output: null, original: null, measure: 'sqnr', all: null, keep: [], rest: null } as const;
  if (switched.nodes.length === 0) return { ...base, exclude: '', byLabel: skippedNodes(trial) };
  await quantize(switched.model, method, new Set(switched.nodes.map(({ copy }) => copy)), environment);
  const cut = dataset.states.length === 0;
  const session = await openSwitched(model, switched, { engine, threads, cut });
  try {
    const single = switched.nodes.map((_, index) => [index]);
    const title = `quantizing ${single.length} nodes to ${method.bits} bits, one at a time`;
    const progress = new RunCounter(title, single.length + 2, dataset.size, onProgress);
    const { onRun, onKnown } = progress;
    const cachePrefix = `${method.bits} `;
    const sweep = new Sweep(session, model, { ...rest, dataset, cache, cachePrefix, onRun, onKnown });
    const [original, all, ...effects] = await sweep.measure([[], [...single.keys()], ...single]);
    const measure = measureOf(effects);
    const costs = effects.map((effect) => costOf(effect, measure));
    const candidates = chooseKept(costs);
    const without = candidates.map((_, place) =>
      [...single.keys()].filter((index) => !candidates.slice(0, place + 1).includes(index)),
    );
    const tried = await sweep.measure(without);
    // Errors do not simply add up: what the list saves is measured, and advice that this contradicts is none.
    const helpful = all
      ? cheapestPrefix(
          costOf(all, measure),
          tried.map((effect) => costOf(effect, measure)),
        )
      : 0;
    const kept = candidates.slice(0, helpful);
    const remaining = helpful > 0 ? tried[helpful - 1] : null;
    const total = costs.reduce((sum, cost) => sum + cost, 0);
    const byLabel = skippedNodes(trial);
    for (const [index, { label }] of switched.nodes.entries()) {
      byLabel.set(label, { effect: effects[index], share: shareOf(costs[index], total), reason: null });
    }
    const keep = kept.map((index) => switched.nodes[index].label);
    const { output } = sweep;
    const exclude = excludeFlags(keep.map(selectorOf));
    return { method, output, original, measure, all, keep, rest: remaining, exclude, byLabel };
  } finally {
    await session.close();
  }
}

interface Quantized {
  /** Labels of nodes. */
  readonly changed: ReadonlySet<string>;
  /** Reasons by label, of the last step that says one. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** What a method does to a model, which stays as it is. */
async function tryOut(model: Model, { steps }: Method, environment: RunEnvironment): Promise<Quantized> {
  const changed = new Set<string>();
  const skipped = new Map<string, string>();
  for (const { pass, options } of steps) {
    const report = await runPass(cloneModel(model), pass, options, environment);
    for (const { target } of report.changed) changed.add(target);
    for (const { target, reason } of report.skipped) skipped.set(target, reason);
  }
  for (const label of changed) skipped.delete(label);
  return { changed, skipped };
}

/** Quantizes the nodes of these names, which some step of the method is able to quantize. */
async function quantize(
  model: Model,
  { steps }: Method,
  names: ReadonlySet<string>,
  environment: RunEnvironment,
): Promise<void> {
  const left = new Set(names);
  for (const { pass, options } of steps) {
    if (left.size === 0) return;
    const { changed } = await runPass(model, pass, { ...options, include: [...left] }, environment);
    for (const { target } of changed) left.delete(target);
  }
}

function skippedNodes({ skipped }: Quantized): Map<string, NodeEffect> {
  return new Map([...skipped].map(([target, reason]) => [target, { effect: null, share: null, reason }]));
}

/** Where some costs are infinite, they make up everything. */
function shareOf(cost: number, total: number): number {
  if (total === 0) return 0;
  return Number.isFinite(total) ? cost / total : Number.isFinite(cost) ? 0 : 1;
}

function effectsOf(node: Node, results: readonly MethodResult[]): NodeEffect[] {
  return results.map(
    ({ byLabel }) =>
      byLabel.get(nodeLabel(node)) ?? { effect: null, share: null, reason: 'it is no target of this method' },
  );
}

function describeNode(node: Node, macs: number | null): Omit<ExplainedNode, 'effects' | 'microseconds' | 'fisher'> {
  const weights = weightsOf(node);
  return {
    node: nodeLabel(node),
    operator: node.qualifiedType,
    weights: weights.map(({ name }) => name),
    bytes: weights.reduce((sum, { tensor }) => sum + tensor.byteLength, 0),
    macs,
  };
}

async function firstFeeds(dataset: Dataset) {
  for await (const { feeds } of dataset.samples()) return feeds;
  return {};
}

async function openCache(
  model: Model,
  { cachePath, dataset, methods, metrics, outputName, seed }: ExplainModelOptions,
): Promise<ResultCache<Effect> | null> {
  if (cachePath === null) return null;
  const { dsopt, onnxruntime, cpu } = describeEnvironment();
  const rest = [
    [dsopt, onnxruntime, cpu],
    methods.map(({ bits, description, steps }) => [
      bits,
      description,
      steps.map(({ pass, options }) => [pass.name, options]),
    ]),
    metrics.map(({ name }) => name),
    outputName ?? null,
    seed,
  ];
  return new ResultCache<Effect>(cachePath, await contentKey(model, dataset, rest));
}

/** Counts inferences of a sweep; those that a cache spares count as done. */
class RunCounter {
  readonly onRun = (): void => this.advance(1);
  private readonly title: string;
  private readonly total: number;
  private readonly samples: number;
  private readonly listener: ExplainModelOptions['onProgress'];
  private done = 0;

  constructor(title: string, choices: number, samples: number | null, listener: ExplainModelOptions['onProgress']) {
    this.title = title;
    this.samples = samples ?? 1;
    this.total = choices * this.samples;
    this.listener = listener;
    listener?.(title, 0, this.total);
  }

  readonly onKnown = (choices: number): void => this.advance(choices * this.samples);

  private advance(runs: number): void {
    this.done += runs;
    this.listener?.(this.title, Math.min(this.done, this.total), this.total);
  }
}
