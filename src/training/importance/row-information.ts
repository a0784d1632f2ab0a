// How much the loss depends on each row of what products compute: Σ over channels of (∂L/∂O)², the diagonal of the Fisher information by outputs (empirical, with the model's
// own answers). Errors of rounding that count so are what moves the loss to second order (BRECQ, Li et al. 2021; GuidedQuant, Kim et al. 2025).
import type { Engine, Feeds } from '../../engine/index.js';
import type { Model } from '../../ir/index.js';
import { openSlopes, runSamples } from '../graphs/sample-sessions.js';

interface RowInformationOptions {
  readonly engine: Engine;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Of a value the axis of its channels; default: the last one. */
  axisOf?(value: string): number;
  onSample?(done: number): void;
}

/**
 * By value of the main graph, [..., channels] or with channels along `axisOf`, for each sample its rows, one behind the other; what the answers do not depend on is left out.
 * Throws MODEL_UNSUPPORTED where the model cannot be differentiated.
 */
export async function rowInformation(
  model: Model,
  values: readonly string[],
  samples: AsyncIterable<Feeds>,
  { engine, threads = 2, signal, axisOf = () => -1, onSample }: RowInformationOptions,
): Promise<Map<string, Float32Array[]>> {
  const rows = new Map<string, Float32Array[]>();
  await runSamples(
    samples,
    (feeds) =>
      openSlopes(model, values, feeds, { engine, threads }, (builder, gradient, { name }) => {
        const axis = axisOf(name);
        return builder.reduce('ReduceSum', builder.square(gradient), [
          axis < 0 ? builder.shapeOf(gradient).length + axis : axis,
        ]);
      }),
    (name, values) => {
      const known = rows.get(name);
      if (known) known.push(values.slice());
      else rows.set(name, [values.slice()]);
    },
    { signal, onSample },
  );
  return rows;
}
