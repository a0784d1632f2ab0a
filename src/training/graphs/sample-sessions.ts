// Gradients at samples of any shapes: one session for the samples of one shape, with the gradient of a loss that needs no right answers.
import { differentiate, findObstacles, GraphBuilder, specialize } from '../../autodiff/index.js';
import type { Engine, Feeds, Session } from '../../engine/index.js';
import { throwIfAborted, unsupportedModel } from '../../errors.js';
import { type Model, tensorType, type Value } from '../../ir/index.js';
import type { Tensor } from '../../tensor/index.js';
import { findLogits } from '../losses/logits.js';
import { ownLoss } from '../losses/own-answers.js';
import { exposeValues } from './expose-values.js';

export interface SampleSession {
  readonly session: Session;
  /** What is fed beside the samples. */
  readonly weights: Readonly<Record<string, Tensor>>;
  /** Output that holds what is asked for, by name of what it belongs to. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** Runs every sample in the session for its shapes, which `open` opens; `see` gets one output by what it belongs to. Returns how many samples there were. */
export async function runSamples(
  samples: AsyncIterable<Feeds>,
  open: (feeds: Feeds) => Promise<SampleSession>,
  see: (name: string, values: Float32Array) => void,
  { signal, onSample }: { readonly signal?: AbortSignal; onSample?(done: number): void },
): Promise<number> {
  const sessions = new Map<string, SampleSession>();
  let done = 0;
  try {
    for await (const feeds of samples) {
      throwIfAborted(signal);
      const key = JSON.stringify(Object.values(feeds).map(({ shape }) => shape));
      const opened = sessions.get(key) ?? (await open(feeds));
      sessions.set(key, opened);
      const { session, weights, outputs } = opened;
      const results = await session.run(
        Object.fromEntries(session.inputs.map(({ name }) => [name, weights[name] ?? feeds[name]])),
      );
      for (const [name, output] of outputs) see(name, results[output].readFloat32());
      done++;
      onSample?.(done);
    }
  } finally {
    for (const { session } of sessions.values()) await session.close();
  }
  return done;
}

/** Class scores to judge by. Throws MODEL_UNSUPPORTED where there are none. */
export function logitsOf(model: Model): Value {
  const logits = findLogits(model);
  if (!logits) throw unsupportedModel('The model has no output of float32 to judge by');
  return logits;
}

/** Of the loss with the model's own answers. Throws MODEL_UNSUPPORTED where there are none. */
export function ownGradients(builder: GraphBuilder, logits: Value, sources: readonly Value[]): Map<Value, Value> {
  const loss = ownLoss(builder, logits);
  const [obstacle] = findObstacles(builder, sources, [loss]);
  if (obstacle) throw unsupportedModel(`${obstacle.node.qualifiedType} cannot be differentiated: ${obstacle.reason}`);
  return differentiate(builder, new Map([[loss, builder.scalar(1)]]), sources);
}

/**
 * A session whose outputs hold, by value that the main graph computes, what `reduce` makes of it and of the gradient of the loss with the model's own answers by it.
 * Values that the answers do not depend on are left out.
 */
export async function openSlopes(
  original: Model,
  values: readonly string[],
  feeds: Feeds,
  { engine, threads }: { readonly engine: Engine; readonly threads: number },
  reduce: (builder: GraphBuilder, gradient: Value, value: Value) => Value,
): Promise<SampleSession> {
  const logits = logitsOf(original);
  const { model, shapes } = await specialize(
    exposeValues(original, [logits.name, ...values]),
    feeds,
    new Set(),
    engine,
  );
  const { graph } = model;
  const byName = new Map(graph.outputs.map((value) => [value.name, value]));
  const builder = new GraphBuilder(graph, shapes, 'slopes');
  const sources = values.map((name) => byName.get(name)!);
  const gradients = ownGradients(builder, byName.get(logits.name)!, sources);
  for (const output of [...graph.outputs]) graph.removeOutput(output);
  const outputs = new Map<string, string>();
  for (const source of sources) {
    const gradient = gradients.get(source);
    if (!gradient) continue;
    const reduced = reduce(builder, gradient, source);
    reduced.type = tensorType('float32', builder.shapeOf(reduced));
    graph.addOutput(reduced);
    outputs.set(source.name, reduced.name);
  }
  return { session: await engine.open(model, { threads, memoryPattern: false }), weights: {}, outputs };
}
