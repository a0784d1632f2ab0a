// Sessions on the graphs of training steps, one for each shape of a batch; the ones used longest ago are closed.

import type { Obstacle } from '../../autodiff/index.js';
import type { Engine, Feeds, Session } from '../../engine/index.js';
import { unsupportedModel } from '../../errors.js';
import type { Tensor } from '../../tensor/index.js';
import {
  buildLossGraph,
  buildTrainingGraph,
  type LossGraph,
  type TrainingGraph,
  type TrainingGraphRequest,
} from './training-graph.js';

type Fixed = Omit<TrainingGraphRequest, 'feeds' | 'teacher' | 'labels'> & {
  /** What is trained in place of the student, where that has another form: its weights, and what is observed. */
  readonly trained?: Pick<TrainingGraphRequest, 'student' | 'weights' | 'observed'>;
};
export type BatchTensors = Pick<TrainingGraphRequest, 'feeds' | 'teacher' | 'labels'>;

interface Opened {
  readonly graph: TrainingGraph;
  /** On the student as it is. */
  readonly lossGraph: LossGraph;
  training: Session | null;
  loss: Session | null;
}

const mostOpen = 10;

export class StepSessions {
  private readonly fixed: Fixed;
  private readonly threads: number;
  private readonly engine: Engine;
  private readonly opened = new Map<string, Opened>();
  /** Whether steps compute values a second time instead of holding them. */
  recompute = false;

  constructor(fixed: Fixed, engine: Engine, threads: number) {
    this.fixed = fixed;
    this.engine = engine;
    this.threads = threads;
  }

  /** Throws MODEL_UNSUPPORTED where something cannot be differentiated, all of it listed. */
  async graphFor(batch: BatchTensors): Promise<Opened> {
    const { recompute } = this;
    const key = `${recompute} ${keyOf(batch)}`;
    let opened = this.opened.get(key);
    if (opened) this.opened.delete(key);
    else {
      const graph = await buildTrainingGraph({ ...this.fixed, ...this.fixed.trained, ...batch, recompute });
      if (graph.obstacles.length > 0) {
        throw notTrainable(graph.obstacles);
      }
      const lossGraph = this.fixed.trained ? await buildLossGraph({ ...this.fixed, ...batch }) : graph;
      opened = { graph, lossGraph, training: null, loss: null };
    }
    this.opened.set(key, opened);
    while (this.opened.size > mostOpen) {
      const [oldest, sessions] = [...this.opened][0];
      this.opened.delete(oldest);
      await closeAll(sessions);
    }
    return opened;
  }

  async train(batch: BatchTensors, weights: Feeds) {
    const opened = await this.graphFor(batch);
    opened.training ??= await this.open(opened.graph.model);
    const results = await opened.training.run(feedsOf(opened.training, batch, weights));
    const { graph } = opened;
    return {
      loss: results[graph.loss].readFloat32()[0],
      terms: graph.terms.map((name) => results[name].readFloat32()[0]),
      gradients: new Map([...graph.gradients].map(([weight, output]) => [weight, results[output].readFloat32()])),
      observed: new Map(graph.observed.map((name) => [name, results[name].readFloat32()])),
    };
  }

  /** The loss alone, and the answers of the student where they were asked for. */
  async loss(batch: BatchTensors, weights: Feeds): Promise<{ readonly loss: number; readonly answers: Tensor | null }> {
    const opened = await this.graphFor(batch);
    const { lossModel, loss, answers } = opened.lossGraph;
    opened.loss ??= await this.open(lossModel);
    const wanted = answers === null ? [loss] : [loss, answers];
    const results = await opened.loss.run(feedsOf(opened.loss, batch, weights), wanted);
    return { loss: results[loss].readFloat32()[0], answers: answers === null ? null : results[answers] };
  }

  async close(): Promise<void> {
    for (const sessions of this.opened.values()) await closeAll(sessions);
    this.opened.clear();
  }

  private open(model: TrainingGraph['model']): Promise<Session> {
    return this.engine.open(model, { threads: this.threads, memoryPattern: false });
  }
}

/** So many kinds of obstacles are listed, and so many nodes of each. */
const mostListed = 8;
const mostNamed = 3;

function notTrainable(obstacles: readonly Obstacle[]): Error {
  const kinds = new Map<string, string[]>();
  for (const { node, reason } of obstacles) {
    const kind = `${reason} (${node.qualifiedType}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), node.name || (node.outputs[0]?.name ?? '')]);
  }
  const list = [...kinds].map(([kind, names]) => {
    const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
    return `${kind} ${names.slice(0, mostNamed).join(', ')}${more})`;
  });
  return unsupportedModel(
    `The student cannot be trained: ${list.slice(0, mostListed).join('; ')}`,
    obstacles.some(({ node }) => node.opType.startsWith('QLinear') || node.opType === 'QGemm')
      ? 'Operators on integers are not differentiated: quantize it with --format qdq, and train that.'
      : 'Train the model before the step that makes these operators, or export it without them.',
  );
}

async function closeAll({ training, loss }: Opened): Promise<void> {
  await training?.close();
  await loss?.close();
}

function keyOf({ feeds }: BatchTensors): string {
  return Object.entries(feeds)
    .map(([name, { shape }]) => `${name} ${shape}`)
    .join();
}

function feedsOf(session: Session, { feeds, teacher, labels }: BatchTensors, weights: Feeds): Feeds {
  const given: Record<string, Tensor> = {};
  for (const { name } of session.inputs) {
    const own = feeds[name] ?? weights[name] ?? teacher[name.replace(/^training\/teacher\//, '')];
    if (own) given[name] = own;
    else if (labels) given[name] = labels;
  }
  return given;
}
