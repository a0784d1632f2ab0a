// Copies of a model with other weights in some linear operators, and how far their outputs are from the original's.
import { type LinearOperator, storeRows } from '../../analysis/index.js';
import { sweep } from '../../calibration/index.js';
import type { Engine, Feeds } from '../../engine/index.js';
import { cloneWithNodes, type Model } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { castTensor, float32Tensor, type Tensor } from '../../tensor/index.js';
import { OutputDivergence } from './output-divergence.js';

/** Other weights for an operator. */
export interface OtherWeights {
  /** W [outputChannels, rowLength]. */
  readonly rows: Float32Array;
  /** One value an output channel; null: the bias there is. */
  readonly bias: Float32Array | null;
}

export type Variant = ReadonlyMap<LinearOperator, OtherWeights>;

/** Models that run side by side in one sweep. */
const mostAtOnce = 12;

/** `rows` as tensor of the weight of `operator`, in its type and order. */
export function weightTensor(operator: LinearOperator, rows: Float32Array): Tensor {
  const { tensor } = operator.weight;
  return castTensor(float32Tensor(tensor.shape, storeRows(operator, rows)), tensor.dataType);
}

/** A copy of `model` whose operators have other weights; each gets initializers of its own. */
export function withWeights(model: Model, others: Variant): Model {
  const { clone: copy, copyOf } = cloneWithNodes(model);
  for (const [operator, { rows, bias }] of others) {
    // The node next to the constant: the operator itself, or the last Transpose or Cast of its path.
    const user = copyOf(operator.weight.path.at(-1) ?? operator.node);
    const index = operator.weight.path.length > 0 ? 0 : operator.weightIndex;
    user.replaceInput(index, copy.graph.addInitializer(operator.weight.value.name, weightTensor(operator, rows)));
    const { biasSlot, weight } = operator;
    if (!bias || !biasSlot) continue;
    const adding = copyOf(biasSlot.node);
    while (adding.inputs.length <= biasSlot.index) adding.addInput(null);
    const tensor = castTensor(float32Tensor([bias.length], bias), weight.dataType);
    adding.replaceInput(biasSlot.index, copy.graph.addInitializer(`${weight.value.name}_bias`, tensor));
  }
  return copy;
}

/**
 * Divergence of the outputs of each variant from those of `model` over at most `samples` samples: the sum over outputs (see
 * `OutputDivergence`).
 */
export function divergences(
  model: Model,
  variants: readonly Variant[],
  context: PassContext,
  samples: number,
): Promise<number[]> {
  return modelDivergences(
    model,
    variants.map((variant) => () => withWeights(model, variant)),
    {
      engine: context.engine,
      samples: firstOf(context.samples!, samples),
      threads: context.workers.jobs,
      signal: context.signal,
      onTrial: (done) => context.progress(done, variants.length),
    },
  );
}

export interface TrialOptions {
  readonly engine: Engine;
  readonly samples: AsyncIterable<Feeds>;
  readonly threads: number;
  readonly signal?: AbortSignal;
  /** Called when so many models were tried. */
  onTrial?(done: number): void;
}

/** The same for models that are made when their turn comes. They give the outputs of `model`, in the same order. */
export async function modelDivergences(
  model: Model,
  variants: readonly (() => Model)[],
  { onTrial, ...options }: TrialOptions,
): Promise<number[]> {
  const results: number[] = [];
  const outputs = outputsOf(model);
  for (let start = 0; start < variants.length; start += mostAtOnce) {
    const models = variants.slice(start, start + mostAtOnce).map((make) => make());
    const meters = models.map(() => outputs.map((output) => new OutputDivergence(model, output)));
    const probes = [model, ...models].map((probed) => ({ model: probed, values: outputsOf(probed) }));
    await sweep(
      probes,
      ([original, ...changed]) => {
        const expected = [...original.values()];
        for (const [at, values] of changed.entries()) {
          for (const [output, tensor] of [...values.values()].entries())
            meters[at][output].add(expected[output], tensor);
        }
      },
      options,
    );
    results.push(...meters.map((own) => own.reduce((sum, meter) => sum + meter.value, 0)));
    onTrial?.(results.length);
  }
  return results;
}

function outputsOf({ graph }: Model) {
  return graph.outputs.filter(({ producer }) => producer !== null);
}

/** The first `most` of them, the same ones each time. */
export function firstOf(samples: AsyncIterable<Feeds>, most: number): AsyncIterable<Feeds> {
  return {
    async *[Symbol.asyncIterator]() {
      let taken = 0;
      for await (const feeds of samples) {
        if (taken++ >= most) return;
        yield feeds;
      }
    },
  };
}
