// The loop of a training: steps of the optimizer on typed arrays, checks on held-out examples, the best weights so far, checkpoints, the log.
import { createHash } from 'node:crypto';
import type { Engine } from '../engine/index.js';
import { throwIfAborted, trainingDiverged, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { createRandom } from '../numeric/index.js';
import type { Tensor } from '../tensor/index.js';
import { type HeldOutLoss, TrainingCheckpoint, type TrainingState } from './checkpoint.js';
import type { BatchStream } from './examples/batch-stream.js';
import type { Examples } from './examples/examples.js';
import type { BatchTensors } from './graphs/step-sessions.js';
import type { Projection } from './graphs/training-graph.js';
import type { LossStages } from './loss-stages.js';
import { countRight } from './losses/judge.js';
import {
  Adam,
  addGradients,
  gradientNorm,
  Momentum,
  type Optimizer,
  rateAt,
  scaleGradients,
  updateAverage,
} from './optimizers/index.js';
import type { TrainingOptions } from './options.js';
import { TrainingLog } from './training-log.js';
import type { TrainedWeights } from './weights/trained-weights.js';
import type { WeightForm } from './weights/weight-form.js';

export interface TrainingEnvironment {
  readonly engine: Engine;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Fires when what is best so far is wanted at once; while there are steps, and only then, it is listened to. */
  readonly finish: AbortSignal | null;
  /** Bytes that the process may hold; default no limit. */
  readonly maxMemory?: number;
  /** `note`: losses and speed, in words. */
  progress(done: number, total: number, note: string): void;
}

export interface TrainingRequest {
  /** Its weights are trained; they are written back at the end. */
  readonly student: Model;
  readonly teacher: Model | null;
  readonly examples: Examples;
  readonly options: TrainingOptions;
  /** The student begins with random weights. */
  readonly fresh?: boolean;
  /** Augmentation that nobody chose mixes images, too, where right answers do not count. */
  readonly mix?: boolean;
  /** What is trained in place of weights; default: as the options say. */
  readonly form?: WeightForm | null;
  /** Of the optimizer, where the options do not say. */
  readonly rate: number;
}

export interface TrainingResult {
  readonly weights: readonly string[];
  readonly steps: number;
  /** Of each step. */
  readonly losses: readonly number[];
  /** On the examples that judge, before the first step and at each check; empty where none were to be held out. */
  readonly checks: readonly HeldOutLoss[];
  /** The step whose weights were taken. */
  readonly bestStep: number;
  readonly examplesPerSecond: number;
  /** Examples that were computed at once. */
  readonly batch: number;
  /** 'interrupted' by `finish`; 'no better' losses; 'equal' to the teacher before the first step. */
  readonly ended: 'completed' | 'interrupted' | 'no better' | 'diverged' | 'equal';
  /** Weights whose zeros were kept. */
  readonly pruned: number;
  /** There were too few examples to hold any out: those that were trained on chose the weights. */
  readonly judgedItself: boolean;
}

/** A loss that rounding explains. */
const equalLoss = 1e-6;
/** Held-out losses in a row, and how many times the first one, that are given up on. */
const divergedChecks = 3;
const divergedFactor = 20;
/** Steps from one checkpoint to the next, checks aside. */
const checkpointInterval = 50;

export interface Parts extends TrainingRequest {
  readonly weights: TrainedWeights;
  readonly stages: LossStages;
  readonly stream: BatchStream;
  readonly projections: ReadonlyMap<string, Projection>;
  /** Hashes of data and teacher, where they are needed. */
  readonly identity: readonly string[];
}

export class Training {
  private readonly parts: Parts;
  private readonly environment: TrainingEnvironment;
  private readonly optimizer: Optimizer;
  private readonly checkpoint: TrainingCheckpoint | null;
  private readonly total: number;
  private step = 0;
  private average: Map<string, Float32Array> | null = null;
  private best: TrainingState['best'] = null;
  private checks: HeldOutLoss[] = [];
  private losses: number[] = [];
  private stale = 0;

  constructor(parts: Parts, environment: TrainingEnvironment) {
    const { options, weights, examples } = parts;
    this.parts = parts;
    this.environment = environment;
    const decay = (name: string): number => (weights.rankOf(name) > 1 ? options.weightDecay : 0);
    this.optimizer =
      options.optimizer === 'sgd'
        ? new Momentum({ momentum: options.momentum, nesterov: true, decay })
        : new Adam({ decay: options.optimizer === 'adamw' ? decay : undefined });
    const perEpoch = Math.ceil(examples.training.length / (options.batch * options.accumulate));
    this.total = options.steps ?? (options.epochs ?? 3) * perEpoch;
    this.checkpoint = options.checkpoint === undefined ? null : new TrainingCheckpoint(options.checkpoint, this.key());
  }

  async run(): Promise<TrainingResult> {
    const { weights, options } = this.parts;
    const random = createRandom(this.environment.seed).fork('training');
    if (await this.isEqual()) return this.result('equal', 0);
    const resumed = options.resume ? this.checkpoint?.read() : null;
    if (resumed) this.restore(resumed);
    const log = options.log === undefined ? null : new TrainingLog(options.log);
    log?.begin(this.step);
    if (options.ema > 0) this.average ??= weights.copy();
    if (!resumed) await this.check();
    const every = options.checkEvery ?? Math.max(1, Math.ceil(this.total / 10));
    let ended: TrainingResult['ended'] = 'completed';
    const { finish } = this.environment;
    const taken = (): void => undefined;
    finish?.addEventListener('abort', taken);
    const start = performance.now();
    const firstStep = this.step;
    let seen = 0;
    for await (const { batches, count } of this.parts.stream.steps(this.step, this.total, random)) {
      throwIfAborted(this.environment.signal);
      if (finish?.aborted) {
        ended = 'interrupted';
        break;
      }
      const began = performance.now();
      const rate = this.rate();
      const { loss, terms, norm } = await this.advance(batches, rate);
      seen += count;
      this.losses.push(loss);
      this.step++;
      this.environment.progress(this.step, this.total, this.note(loss, (1000 * seen) / (performance.now() - start)));
      log?.add({ step: this.step, loss, terms, rate, norm, examples: count, milliseconds: performance.now() - began });
      if (this.step % every === 0 || this.step === this.total) {
        await this.check();
        if (options.patience > 0 && this.stale >= options.patience) ended = 'no better';
        if (this.hasDiverged()) ended = 'diverged';
      }
      if (this.step % checkpointInterval === 0 || this.step % every === 0) this.save();
      if (ended !== 'completed') break;
      // Signals come through between steps only.
      await new Promise((resolve) => setImmediate(resolve));
    }
    finish?.removeEventListener('abort', taken);
    if (ended === 'interrupted') this.save();
    const seconds = (performance.now() - start) / 1000;
    this.takeBest();
    // Weights that no step made better stay bit by bit.
    if (this.best?.step !== 0 || options.qat !== 'none') weights.writeTo(this.parts.student);
    return this.result(ended, this.step > firstStep ? seen / seconds : 0);
  }

  private note(loss: number, examplesPerSecond: number): string {
    const heldOut = this.checks.at(-1);
    const score = heldOut?.score ?? null;
    const parts = [
      `loss ${loss.toPrecision(3)}`,
      ...(heldOut ? [`${this.parts.stream.judgesItself ? 'judged' : 'held out'} ${heldOut.loss.toPrecision(3)}`] : []),
      ...(score === null ? [] : [`${(100 * score).toFixed(1)} % right`]),
    ];
    return [...parts, `${Math.round(examplesPerSecond)} examples/s`].join(' · ');
  }

  private result(ended: TrainingResult['ended'], examplesPerSecond: number): TrainingResult {
    const { weights } = this.parts;
    return {
      weights: weights.names,
      steps: this.step,
      losses: this.losses,
      checks: this.checks,
      bestStep: this.best?.step ?? this.step,
      examplesPerSecond,
      batch: this.parts.options.batch,
      ended,
      pruned: weights.prunedCount,
      judgedItself: this.parts.stream.judgesItself,
    };
  }

  private rate(): number {
    const { options, rate } = this.parts;
    const warmup = Math.floor(options.warmup * this.total);
    return rateAt(this.step, { schedule: options.schedule, peak: options.lr ?? rate, steps: this.total, warmup });
  }

  private async advance(group: readonly BatchTensors[], rate: number) {
    const { stages, weights, options } = this.parts;
    const sessions = stages.at(this.step, this.total);
    const sum = new Map<string, Float32Array>();
    let loss = 0;
    let terms: number[] = [];
    for (const batch of group) {
      const result = await sessions.train(batch, weights.feeds());
      loss += result.loss / group.length;
      weights.observe(result.observed);
      terms = result.terms.map((term, i) => (terms[i] ?? 0) + term / group.length);
      if (group.length === 1) for (const [name, values] of result.gradients) sum.set(name, values);
      else addGradients(sum, result.gradients);
    }
    if (group.length > 1) scaleGradients(sum, 1 / group.length);
    weights.pull(sum);
    const norm = gradientNorm(sum);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      throw trainingDiverged(
        `The ${Number.isFinite(loss) ? 'gradient' : 'loss'} of step ${this.step + 1} is not finite`,
      );
    }
    if (options.clip > 0 && norm > options.clip) scaleGradients(sum, options.clip / norm);
    this.optimizer.step(weights.arrays, sum, rate);
    weights.keepZeros();
    if (this.average) updateAverage(this.average, weights.arrays, options.ema);
    return { loss, terms, norm };
  }

  /** The loss on the examples that judge. */
  private async check(): Promise<void> {
    const { stream, stages, weights } = this.parts;
    const feeds = weights.shipped(this.average ?? weights.arrays);
    let sum = 0;
    let count = 0;
    let right = 0;
    let answered = 0;
    for (const batch of await stream.heldOut(createRandom(this.environment.seed).fork('held out'))) {
      throwIfAborted(this.environment.signal);
      const { loss, answers } = await stages.last.loss(batch.tensors, feeds);
      count += batch.count;
      sum += batch.count * loss;
      if (!answers) continue;
      const tally = countRight(answers, this.expectedAnswers(batch.tensors));
      right += tally.right;
      answered += tally.counted;
    }
    if (count === 0) return;
    const check = { step: this.step, loss: sum / count, score: answered > 0 ? right / answered : null };
    this.checks.push(check);
    if (this.best && !isBetter(check, this.best)) this.stale++;
    else {
      this.stale = 0;
      const arrays = this.average ?? weights.arrays;
      this.best = { ...check, weights: new Map([...arrays].map(([name, values]) => [name, values.slice()])) };
    }
  }

  /** What answers are compared with, as the options say. */
  private expectedAnswers({ teacher, labels }: BatchTensors): Tensor {
    const { teacherAnswers } = this.parts.stages;
    const expected = teacherAnswers === null ? labels : teacher[teacherAnswers];
    if (!expected)
      throw usageError('There is nothing to judge answers by: the data has no right answers, or there is no teacher');
    return expected;
  }

  /** Far behind where it began, and worse check after check: it will not come back. */
  private hasDiverged(): boolean {
    const last = this.checks.slice(-divergedChecks);
    const limit = divergedFactor * (this.checks[0]?.loss ?? 0);
    const rising = last.every(({ loss }, i) => i === 0 || !(loss < last[i - 1].loss));
    return (
      this.checks.length > divergedChecks && limit > equalLoss && rising && last.every(({ loss }) => !(loss < limit))
    );
  }

  private takeBest(): void {
    const { weights } = this.parts;
    if (this.best) weights.restore(this.best.weights);
    else if (this.average) weights.restore(this.average);
  }

  /** Builds the first graph, which tells the features that need a projection, and whether there is anything to learn. */
  private async isEqual(): Promise<boolean> {
    const { examples, options, stages, stream, weights, projections } = this.parts;
    const random = createRandom(this.environment.seed).fork('projections');
    const [batch] = examples.batches(examples.training, options.batch, null);
    const tensors = await stream.tensors(batch, null);
    await stages.prepare(tensors);
    weights.addProjections(projections, random);
    return projections.size === 0 && (await stages.last.loss(tensors, weights.shipped())).loss <= equalLoss;
  }

  private save(): void {
    const { weights } = this.parts;
    this.checkpoint?.write({
      step: this.step,
      weights: weights.arrays,
      optimizer: this.optimizer.state(),
      average: this.average,
      best: this.best,
      checks: this.checks,
      losses: this.losses,
      stale: this.stale,
    });
  }

  private restore(state: TrainingState): void {
    this.step = state.step;
    this.parts.weights.restore(state.weights);
    this.optimizer.restore(state.optimizer);
    this.average = state.average && new Map(state.average);
    this.best = state.best;
    this.checks = [...state.checks];
    this.losses = [...state.losses];
    this.stale = state.stale;
  }

  /** Where training begins and what it does; how it is kept, and how fast, does not matter. */
  private key(): string {
    const { weights, options, identity } = this.parts;
    const {
      checkpoint: _,
      resume: __,
      log: ___,
      threads: ____,
      teacherCache: _____,
      recompute: ______,
      ...course
    } = options;
    const hash = createHash('sha256').update(JSON.stringify([this.environment.seed, this.total, course, identity]));
    for (const [name, values] of weights.arrays) {
      hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    return hash.digest('hex');
  }
}

/** More right answers, or as many with a lower loss; where answers do not count, the lower loss. */
function isBetter(check: HeldOutLoss, best: HeldOutLoss): boolean {
  const gain = (check.score ?? 0) - (best.score ?? 0);
  return gain > 0 || (gain === 0 && check.loss < best.loss);
}
