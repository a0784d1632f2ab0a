// One step of training on fixed inputs, for those who measure how fast steps are: forward, backward and AdamW, the model as its own teacher.

import { liftConstants } from '../autodiff/index.js';
import type { Engine, Feeds } from '../engine/index.js';
import { cloneModel, type Model } from '../ir/index.js';
import { stepEngine, type TrainingBackend } from './backend.js';
import { Teacher } from './examples/teacher.js';
import { StepSessions } from './graphs/step-sessions.js';
import { planLosses } from './losses/loss-plan.js';
import { Adam } from './optimizers/index.js';
import { TrainedWeights } from './weights/trained-weights.js';

export interface TrainingStep {
  /** The loss of the step. */
  run(): Promise<number>;
  close(): Promise<void>;
}

export interface TrainingStepOptions {
  /** onnxruntime: it runs the teacher, and the steps where `backend` names no other. */
  readonly engine: Engine;
  readonly backend?: TrainingBackend;
  readonly threads: number;
}

/** Throws MODEL_UNSUPPORTED where the model cannot be differentiated. */
export async function openTrainingStep(
  model: Model,
  feeds: Feeds,
  { engine, backend = 'onnxruntime', threads }: TrainingStepOptions,
): Promise<TrainingStep> {
  const student = cloneModel(model);
  liftConstants(student.graph);
  const losses = planLosses(student, model, [{ name: 'logits', weight: 1 }]);
  const weights = TrainedWeights.of(student);
  const teacher = await Teacher.open(
    model,
    losses.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.teacher ?? [])),
    engine,
    { keeps: false, threads },
  );
  const sample = { feeds, count: 1, targets: null, continues: false };
  const outputs = await teacher.outputs({ indices: [0], sample });
  await teacher.close();
  const fixed = { student, weights: weights.names, losses, temperature: 4, projections: new Map(), engine };
  const sessions = new StepSessions(fixed, await stepEngine(backend, engine), threads);
  const optimizer = new Adam();
  return {
    async run() {
      const { loss, gradients } = await sessions.train({ feeds, teacher: outputs, labels: null }, weights.feeds());
      optimizer.step(weights.arrays, gradients, 1e-4);
      return loss;
    },
    close: () => sessions.close(),
  };
}
