// What weights matter by the Fisher information (LeCun et al. 1990 with F in place of the Hessian; Theis et al. 2018): half of the mean of Σ (∂L/∂w · w)² over samples is, to second
// order, how far the loss rises when every element is off by a random share of itself, for a share of 1. Quantizing to a relative error ε costs ε² of that.
import {
  differentiate,
  findObstacles,
  findTrainableWeights,
  GraphBuilder,
  makeWeightsInputs,
  specialize,
} from '../autodiff/index.js';
import type { Engine, Feeds, Session } from '../engine/index.js';
import { throwIfAborted, unsupportedModel } from '../errors.js';
import { type Model, tensorType } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';
import { findLogits } from './logits.js';
import { exposed, ownLoss } from './own-answers.js';

export interface FisherOptions {
  readonly engine: Engine;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

interface Opened {
  readonly session: Session;
  readonly weights: Readonly<Record<string, Tensor>>;
  /** Output that holds ½ Σ (∂L/∂w · w)², by weight. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** By name of each trainable initializer, in nats; L is the cross-entropy with the model's own answers. Throws MODEL_UNSUPPORTED where there are no gradients. */
export async function fisherInformation(
  model: Model,
  samples: AsyncIterable<Feeds>,
  { engine, threads = 2, signal }: FisherOptions,
): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  const sessions = new Map<string, Opened>();
  let count = 0;
  try {
    for await (const feeds of samples) {
      if (signal) throwIfAborted(signal);
      const key = JSON.stringify(Object.values(feeds).map(({ shape }) => shape));
      const opened = sessions.get(key) ?? (await open(model, feeds, engine, threads));
      sessions.set(key, opened);
      const given = Object.fromEntries(
        opened.session.inputs.map(({ name }) => [name, opened.weights[name] ?? feeds[name]]),
      );
      const results = await opened.session.run(given);
      for (const [name, output] of opened.outputs) {
        sums.set(name, (sums.get(name) ?? 0) + results[output].readFloat32()[0]);
      }
      count++;
    }
  } finally {
    for (const { session } of sessions.values()) await session.close();
  }
  return new Map([...sums].map(([name, sum]) => [name, sum / Math.max(count, 1)]));
}

async function open(original: Model, feeds: Feeds, engine: Engine, threads: number): Promise<Opened> {
  const logits = findLogits(original);
  if (!logits) throw unsupportedModel('The model has no output of float32 to judge by');
  const names = findTrainableWeights(original.graph).map(({ name }) => name);
  const { model, shapes } = await specialize(exposed(original, [logits.name]), feeds, new Set(names), engine);
  const { graph } = model;
  const [answers] = graph.outputs;
  const fed = makeWeightsInputs(graph, shapes, names);
  const builder = new GraphBuilder(graph, shapes, 'fisher');
  const loss = ownLoss(builder, answers);
  const sources = [...fed.values()].map(({ input }) => input);
  const [obstacle] = findObstacles(builder, sources, [loss]);
  if (obstacle) throw unsupportedModel(`${obstacle.node.qualifiedType} cannot be differentiated: ${obstacle.reason}`);
  graph.removeOutput(answers);
  const outputs = new Map<string, string>();
  for (const [source, gradient] of differentiate(builder, new Map([[loss, builder.scalar(1)]]), sources)) {
    const square = builder.scale(builder.sumAll(builder.square(builder.mul(gradient, source))), 0.5);
    square.type = tensorType('float32', []);
    graph.addOutput(square);
    outputs.set(source.name, square.name);
  }
  const weights = Object.fromEntries([...fed].map(([name, { tensor }]) => [name, tensor]));
  return { session: await engine.open(model, { threads, memoryPattern: false }), weights, outputs };
}
