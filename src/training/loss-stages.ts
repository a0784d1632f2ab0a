// The stages of a training, each with the sessions that compute its losses: features first, say, then what the network answers (Jiao et al. 2020).
import type { Engine } from '../engine/index.js';
import type { Model } from '../ir/index.js';
import { type BatchTensors, StepSessions } from './graphs/step-sessions.js';
import type { Projection } from './graphs/training-graph.js';
import { findLogits } from './losses/logits.js';
import { type PlannedLoss, planLosses } from './losses/loss-plan.js';
import { type LossStage, parseStages } from './losses/loss-weights.js';
import type { TrainingOptions } from './options.js';
import type { Renormalization } from './weights/renormalization.js';

interface StageRequest {
  readonly student: Model;
  readonly teacher: Model | null;
  readonly options: TrainingOptions;
  /** Names of the weights of the student. */
  readonly weights: readonly string[];
  /** The form of the student that is trained, and names of its weights. */
  readonly renormalization: Renormalization | null;
  readonly trainedWeights: readonly string[];
  readonly projections: Map<string, Projection>;
  readonly engine: Engine;
  /** What runs the steps. */
  readonly executing: Engine;
}

/** What is trained for where nobody says: answers of the teacher; with old data to keep, right answers of the new data beside. */
export function lossOf({ loss, replay, keepKnowledge }: TrainingOptions): string {
  if (loss !== undefined) return loss;
  if (replay === undefined || keepKnowledge === 1) return 'logits:1';
  return keepKnowledge === 0 ? 'labels:1' : `labels:${1 - keepKnowledge},logits:${keepKnowledge}`;
}

export class LossStages {
  private readonly stages: readonly { readonly until: number; readonly sessions: StepSessions }[];
  /** The value of the teacher that answers are judged by; null where they are not. */
  readonly teacherAnswers: string | null;
  /** Values of the teacher that some stage compares. */
  readonly wanted: readonly string[];
  /** The teacher's values of an example are the same in every batch. */
  readonly repeatable: boolean;

  /** Throws MODEL_UNSUPPORTED and USAGE as `planLosses` does. */
  constructor(request: StageRequest) {
    const { student, teacher, options, weights, projections, engine, executing, renormalization } = request;
    const trained = renormalization && {
      student: renormalization.model,
      weights: request.trainedWeights,
      observed: renormalization.observed,
    };
    const parsed = parseStages(lossOf(options)) as readonly LossStage[];
    const planned = parsed.map(({ losses }) => planLosses(student, teacher, losses, options.mapping));
    const { temperature, threads, judge } = options;
    const answers = judge === 'loss' ? null : (findLogits(student)?.name ?? null);
    this.teacherAnswers = judge === 'agreement' && teacher ? (findLogits(teacher)?.name ?? null) : null;
    let until = 0;
    this.stages = planned.map((losses, index) => {
      until += parsed[index].share;
      const fixed = {
        student,
        weights,
        losses,
        temperature,
        projections,
        engine,
        answers,
        ...(trained && { trained }),
      };
      return { until, sessions: new StepSessions(fixed, executing, threads) };
    });
    const judged = this.teacherAnswers === null ? [] : [this.teacherAnswers];
    this.wanted = [...new Set([...planned.flat().flatMap(teacherValues), ...judged])];
    this.repeatable = planned.flat().every(({ name }) => name === 'logits' || name === 'labels');
  }

  /** Those of the last stage: what held-out examples are judged by. */
  get last(): StepSessions {
    return this.stages[this.stages.length - 1].sessions;
  }

  /** Those of step `step` of `total`, from 0 on. */
  at(step: number, total: number): StepSessions {
    return (this.stages.find(({ until }) => step < Math.round(until * total)) ?? this.stages[this.stages.length - 1])
      .sessions;
  }

  /** Builds the graph of each stage for `batch`, which finds what cannot be trained, and the projections. */
  async prepare(batch: BatchTensors): Promise<void> {
    for (const { sessions } of this.stages) await sessions.graphFor(batch);
  }

  /** Steps compute values a second time instead of holding them from now on, or no more. */
  recompute(on: boolean): void {
    for (const { sessions } of this.stages) sessions.recompute = on;
  }

  /** The most that a step on `batch` holds at once. */
  async stepBytes(batch: BatchTensors): Promise<number> {
    const graphs = await Promise.all(this.stages.map(({ sessions }) => sessions.graphFor(batch)));
    return Math.max(...graphs.map(({ graph }) => graph.bytes));
  }

  async close(): Promise<void> {
    for (const { sessions } of this.stages) await sessions.close();
  }
}

function teacherValues({ pairs }: PlannedLoss): string[] {
  return pairs.flatMap(({ teacher }) => teacher ?? []);
}
