// How much the loss would change if a slice of a value (a channel, a head, a whole block) were zero, by gradients: to first order (Molchanov et al. 2017; Michel et al.
// 2019) the mean of |Σ ∂L/∂O · O| over examples; to second order, with the Fisher information as curvature (Theis et al. 2018), that of ½ (Σ ∂L/∂O · O)².
import { differentiate, findObstacles, GraphBuilder, specialize } from '../autodiff/index.js';
import type { Engine, Feeds, Session } from '../engine/index.js';
import { throwIfAborted, unsupportedModel } from '../errors.js';
import { type Model, tensorType } from '../ir/index.js';
import { findLogits } from './logits.js';
import { exposed, ownLoss } from './own-answers.js';

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
  const sessions = new Map<string, ImportanceSession>();
  let done = 0;
  try {
    for await (const feeds of samples) {
      throwIfAborted(signal);
      const key = JSON.stringify(Object.values(feeds).map(({ shape }) => shape));
      let opened = sessions.get(key);
      if (!opened) {
        opened = await openSession(model, values, feeds, { engine, threads, order });
        sessions.set(key, opened);
      }
      const given = Object.fromEntries(opened.session.inputs.map(({ name }) => [name, feeds[name]]));
      const results = await opened.session.run(given);
      for (const [name, output] of opened.outputs) {
        const importances = results[output].readFloat32();
        const sum = sums.get(name) ?? new Float64Array(importances.length);
        for (let i = 0; i < sum.length; i++) sum[i] += importances[i];
        sums.set(name, sum);
      }
      done++;
      onSample?.(done);
    }
  } finally {
    for (const { session } of sessions.values()) await session.close();
  }
  for (const sum of sums.values()) for (let i = 0; i < sum.length; i++) sum[i] /= Math.max(done, 1);
  return sums;
}

interface ImportanceSession {
  readonly session: Session;
  /** Output that holds the importances, by value. */
  readonly outputs: ReadonlyMap<string, string>;
}

async function openSession(
  original: Model,
  values: readonly JudgedValue[],
  feeds: Feeds,
  { engine, threads, order }: Required<Pick<ImportanceOptions, 'engine' | 'threads' | 'order'>>,
): Promise<ImportanceSession> {
  const logits = findLogits(original);
  if (!logits) throw unsupportedModel('The model has no output of float32 to judge by');
  const { model, shapes } = await specialize(
    exposed(original, [logits.name, ...values.map(({ name }) => name)]),
    feeds,
    new Set(),
    engine,
  );
  const { graph } = model;
  const byName = new Map(graph.outputs.map((value) => [value.name, value]));
  const builder = new GraphBuilder(graph, shapes, 'importance');
  const loss = ownLoss(builder, byName.get(logits.name)!);
  const judged = values.map(({ name, axis }) => ({ name, axis, value: byName.get(name)! }));
  const sources = judged.map(({ value }) => value);
  const [obstacle] = findObstacles(builder, sources, [loss]);
  if (obstacle) throw unsupportedModel(`${obstacle.node.qualifiedType} cannot be differentiated: ${obstacle.reason}`);
  const gradients = differentiate(builder, new Map([[loss, builder.scalar(1)]]), sources);
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
  return { session: await engine.open(model, { threads, memoryPattern: false }), outputs };
}
