// What weights matter by the Fisher information (LeCun et al. 1990 with F in place of the Hessian; Theis et al. 2018): half of the mean of Σ (∂L/∂w · w)² over samples is, to second
// order, how far the loss rises when every element is off by a random share of itself, for a share of 1. Quantizing to a relative error ε costs ε² of that.
import { findTrainableWeights, GraphBuilder, makeWeightsInputs, specialize } from '../../autodiff/index.js';
import type { Engine, Feeds } from '../../engine/index.js';
import { type Model, tensorType } from '../../ir/index.js';
import { exposeValues } from '../graphs/expose-values.js';
import { logitsOf, ownGradients, runSamples, type SampleSession } from '../graphs/sample-sessions.js';

export interface FisherOptions {
  readonly engine: Engine;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** By name of each trainable initializer, in nats; L is the cross-entropy with the model's own answers. Throws MODEL_UNSUPPORTED where there are no gradients. */
export async function fisherInformation(
  model: Model,
  samples: AsyncIterable<Feeds>,
  { engine, threads = 2, signal }: FisherOptions,
): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  const count = await runSamples(
    samples,
    (feeds) => open(model, feeds, engine, threads),
    (name, [value]) => sums.set(name, (sums.get(name) ?? 0) + value),
    { signal },
  );
  return new Map([...sums].map(([name, sum]) => [name, sum / Math.max(count, 1)]));
}

/** Its outputs hold ½ Σ (∂L/∂w · w)², by weight. */
async function open(original: Model, feeds: Feeds, engine: Engine, threads: number): Promise<SampleSession> {
  const logits = logitsOf(original);
  const names = findTrainableWeights(original.graph).map(({ name }) => name);
  const { model, shapes } = await specialize(exposeValues(original, [logits.name]), feeds, new Set(names), engine);
  const { graph } = model;
  const [answers] = graph.outputs;
  const fed = makeWeightsInputs(graph, shapes, names);
  const builder = new GraphBuilder(graph, shapes, 'fisher');
  const sources = [...fed.values()].map(({ input }) => input);
  const gradients = ownGradients(builder, answers, sources);
  graph.removeOutput(answers);
  const outputs = new Map<string, string>();
  for (const [source, gradient] of gradients) {
    const square = builder.scale(builder.sumAll(builder.square(builder.mul(gradient, source))), 0.5);
    square.type = tensorType('float32', []);
    graph.addOutput(square);
    outputs.set(source.name, square.name);
  }
  const weights = Object.fromEntries([...fed].map(([name, { tensor }]) => [name, tensor]));
  return { session: await engine.open(model, { threads, memoryPattern: false }), weights, outputs };
}
