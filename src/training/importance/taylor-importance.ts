// How much the loss would change if a slice of a value (a channel, a head, a whole block) were zero, by gradients: to first order (Molchanov et al. 2017; Michel et al.
// 2019) the mean of |Σ ∂L/∂O · O| over examples; to second order, with the Fisher information as curvature (Theis et al. 2018), that of ½ (Σ ∂L/∂O · O)².
import type { Engine, Feeds } from '../../engine/index.js';
import type { Model } from '../../ir/index.js';
import { openSlopes, runSamples } from '../graphs/sample-sessions.js';

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
  const axes = new Map(values.map(({ name, axis }) => [name, axis]));
  const count = await runSamples(
    samples,
    (feeds) =>
      openSlopes(model, [...axes.keys()], feeds, { engine, threads }, (builder, gradient, value) => {
        const axis = axes.get(value.name);
        const summed = builder.shapeOf(value).flatMap((_, i) => (i === axis ? [] : [i]));
        const slope = builder.reduce('ReduceSum', builder.mul(gradient, value), summed);
        return order === 'first' ? builder.unary('Abs', slope) : builder.scale(builder.square(slope), 0.5);
      }),
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
