// How much the loss would change if a slice of a value (a channel, a head, a whole block) were zero, by gradients: to first order (Molchanov et al. 2017; Michel et al.
// 2019) the mean of |Σ ∂L/∂O · O| over examples; to second order, with the Fisher information as curvature (Theis et al. 2018), that of ½ (Σ ∂L/∂O · O)².
import { GraphBuilder, specialize } from '../autodiff/index.js';
import type { Engine, Feeds } from '../engine/index.js';
import { type Model, tensorType } from '../ir/index.js';
import { exposeValues } from './expose-values.js';
import { logitsOf, ownGradients, runSamples, type SampleSession } from './sample-sessions.js';

/** A value computed by a node of the main graph, and the axis whose indices are judged; null: the value as a whole. */
export interface JudgedValue {
  readonly name: string;
  readonly axis: number | null;
}

/** To which order the loss is expanded. */
export type TaylorOrder = 'first' | 'fisher';

export interface ImportanceOptions {
  /** Default 'first'. */
  readonly order?: TaylorOrder;
  readonly engine: Engine;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  onSample?(done: number): void;
}

/**
 * Importances by value, one for each index of its axis, as means over `samples` (one example each). The loss is the cross-entropy with the class that
 * the model itself finds likeliest, so no right answers are needed. Throws MODEL_UNSUPPORTED where the model cannot be differentiated.
 */
export async function taylorImportance(
  model: Model,
  values: readonly JudgedValue[],
  samples: AsyncIterable<Feeds>,
  { engine, order = 'first', threads = 2, signal, onSample }: ImportanceOptions,
): Promise<Map<string, Float64Array>> {
  const sums = new Map<string, Float64Array>();
  const count = await runSamples(
    samples,
    (feeds) => openSession(model, values, feeds, { engine, threads, order }),
    (name, importances) => {
      const sum = sums.get(name) ?? new Float64Array(importances.length);
      for (let i = 0; i < sum.length; i++) sum[i] += importances[i];
      sums.set(name, sum);
    },
    { signal, onSample },
  );
  for (const sum of sums.values()) for (let i = 0; i < sum.length; i++) sum[i] /= Math.max(count, 1);
  return sums;
}

/** Its outputs hold the importances, by value. */
async function openSession(
  original: Model,
  values: readonly JudgedValue[],
  feeds: Feeds,
  { engine, threads, order }: Required<Pick<ImportanceOptions, 'engine' | 'threads' | 'order'>>,
): Promise<SampleSession> {
  const logits = logitsOf(original);
  const { model, shapes } = await specialize(
    exposeValues(original, [logits.name, ...values.map(({ name }) => name)]),
    feeds,
    new Set(),
    engine,
  );
  const { graph } = model;
  const byName = new Map(graph.outputs.map((value) => [value.name, value]));
  const builder = new GraphBuilder(graph, shapes, 'importance');
  const judged = values.map(({ name, axis }) => ({ name, axis, value: byName.get(name)! }));
  const sources = judged.map(({ value }) => value);
  const gradients = ownGradients(builder, byName.get(logits.name)!, sources);
  for (const output of [...graph.outputs]) graph.removeOutput(output);
  const outputs = new Map<string, string>();
  for (const { name, axis, value } of judged) {
    const gradient = gradients.get(value);
    if (!gradient) continue;
    const rank = builder.shapeOf(value).length;
    const summed = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
    const slope = builder.reduce('ReduceSum', builder.mul(gradient, value), summed);
    const importance = order === 'first' ? builder.unary('Abs', slope) : builder.scale(builder.square(slope), 0.5);
    importance.type = tensorType('float32', builder.shapeOf(importance));
    graph.addOutput(importance);
    outputs.set(name, importance.name);
  }
  return { session: await engine.open(model, { threads, memoryPattern: false }), weights: {}, outputs };
}
