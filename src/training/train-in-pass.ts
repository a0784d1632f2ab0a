// Training as part of a pass: the student is the model of the pass, what happened goes into its record.
import { findTrainableWeights, liftConstants } from '../autodiff/index.js';
import { type DsoptError, throwIfAborted } from '../errors.js';
import { cloneModel, type Model, type Node, tensorAttribute, type Value } from '../ir/index.js';
import { loadModel } from '../onnx/index.js';
import type { CurvePoint, PassContext } from '../pass/index.js';
import type { Tensor } from '../tensor/index.js';
import type { Examples } from './examples/examples.js';
import { openExamples } from './examples/open-examples.js';
import type { TrainingOptions } from './options.js';
import { train } from './train.js';
import type { TrainingResult } from './training-loop.js';
import { frozenWeights } from './weights/frozen-weights.js';
import { IntegerWeights } from './weights/integer-weights.js';

/** The teacher that the options name, or the model before the first pass. */
export async function openTeacher({ teacher }: TrainingOptions, { original }: PassContext): Promise<Model> {
  return teacher === undefined ? original : loadModel(teacher);
}

/** Reads the data for the inputs of `model`. */
export function examplesFor(
  model: Model,
  options: TrainingOptions,
  context: PassContext,
  seed: number,
): Promise<Examples> {
  const { engine, samples, signal, maxMemory = Number.POSITIVE_INFINITY } = context;
  return openExamples(model, options, { engine, samples, seed, signal, maxBytes: maxMemory });
}

export interface PassTraining {
  readonly teacher: Model;
  readonly examples: Examples;
  readonly rate: number;
  /** The student begins with random weights. */
  readonly fresh?: boolean;
  /** Augmentation that nobody chose mixes images, too. */
  readonly mix?: boolean;
  readonly seed: number;
}

/** Why nothing was trained, and what to do about it. */
export function reasonOf({ message, hint }: DsoptError): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}

/** Trains the weights of `model` in place, and records losses and what changed. Throws what `train` throws. */
export async function trainInPass(
  model: Model,
  options: TrainingOptions,
  context: PassContext,
  { teacher, examples, rate, fresh, mix, seed }: PassTraining,
): Promise<TrainingResult> {
  const { engine, signal, finish = null, maxMemory, record } = context;
  const learnScales = options.ranges === 'learned';
  const keepIntegers = options.integers === 'kept';
  const integers =
    options.qat === 'none' ? IntegerWeights.of(model, { learnScales, keepIntegers, original: teacher, signal }) : null;
  // In a copy whose Constant nodes are initializers; the model keeps its own form.
  const student = integers?.model ?? cloneModel(model);
  liftConstants(student.graph);
  const result = await train(
    { student, teacher, examples, options, rate, fresh, mix, form: integers },
    { engine, signal, finish, maxMemory, seed, progress: (done, total, note) => context.progress(done, total, note) },
  );
  throwIfAborted(signal);
  if (result.ended === 'equal') {
    record.skipped('the model', 'it computes what its teacher does');
    return result;
  }
  const trained = new Map(findTrainableWeights(student.graph).map(({ name, constant }) => [name, constant!]));
  for (const node of writeWeights(model, trained)) record.changed(node, 'weights trained');
  for (const node of integers?.writeTo(model) ?? []) record.changed(node, trainedParts(options));
  for (const { node, reason } of frozenWeights(student.graph, options.qat !== 'none')) record.skipped(node, reason);
  describe(result, context);
  if (result.batch < options.batch) {
    const { batch } = result;
    record.warn(
      `Steps of ${options.batch} examples were computed in batches of ${batch}: the model or the memory takes no more`,
    );
  }
  return result;
}

/** Of a quantized node. */
function trainedParts({ integers, ranges }: TrainingOptions): string {
  if (ranges === 'observed') return integers === 'kept' ? 'biases trained' : 'integers trained';
  return integers === 'kept' ? 'scales trained' : 'integers and scales trained';
}

function describe(result: TrainingResult, { record }: PassContext): void {
  const { steps, losses, checks, bestStep, ended, pruned, judgedItself } = result;
  record.metric('steps', steps);
  if (losses.length > 0) {
    record.metric('lossOfFirstStep', losses[0]);
    record.metric('lossOfLastStep', losses[losses.length - 1]);
  }
  if (judgedItself) {
    record.warn(
      'There are too few examples to hold any out, so those that were trained on chose the weights: give 160 or more, or a larger --holdout',
    );
  }
  if (checks.length > 0) {
    const judged = judgedItself ? 'ownLoss' : 'heldOutLoss';
    record.metric(`${judged}Before`, checks[0].loss);
    record.metric(`${judged}After`, Math.min(...checks.map(({ loss }) => loss)));
    const scores = checks.flatMap(({ step, score }) => (score === null ? [] : [{ step, score }]));
    if (scores.length > 0) {
      record.metric('heldOutScoreBefore', scores[0].score);
      record.metric('heldOutScoreAfter', Math.max(...scores.map(({ score }) => score)));
    }
    record.metric('bestStep', bestStep);
  }
  if (losses.length > 1) {
    record.curve('loss', thinned(losses.map((loss, index) => [index + 1, loss])));
    if (checks.length > 1)
      record.curve(
        judgedItself ? 'loss of what judges' : 'held-out loss',
        checks.map(({ step, loss }) => [step, loss]),
      );
  }
  if (pruned > 0) record.metric('weightsWithZerosKept', pruned);
  if (ended === 'interrupted')
    record.warn(`Training was interrupted at step ${steps}; the best weights until then are taken`);
  if (ended === 'diverged')
    record.warn(`Training ended at step ${steps}: the held-out loss got far worse than at the start; try a lower lr`);
  if (ended === 'no better') record.warn(`Training ended at step ${steps}, as nothing got better on held-out examples`);
  if (checks.length > 1 && bestStep === 0)
    record.warn('No step was better than none on the examples that judge: the weights are as they were');
}

/** Points of a picture: more than its pixels say nothing. */
const mostPoints = 400;

function thinned(points: readonly CurvePoint[]): readonly CurvePoint[] {
  const every = Math.ceil(points.length / mostPoints);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

/** By name, into initializers and Constant nodes; gives the nodes that use them. */
function writeWeights({ graph }: Model, weights: ReadonlyMap<string, Tensor>): Set<Node> {
  const users = new Set<Node>();
  const use = (value: Value): void => {
    for (const { node } of value.uses) users.add(node);
  };
  for (const value of graph.initializers) {
    const tensor = weights.get(value.name);
    if (!tensor) continue;
    value.constant = tensor;
    use(value);
  }
  for (const node of graph.nodes()) {
    const tensor = node.is('Constant') ? weights.get(node.output.name) : undefined;
    if (!tensor) continue;
    for (const [name] of [...node.attributes]) node.attributes.delete(name);
    node.attributes.set('value', tensorAttribute(tensor));
    use(node.output);
  }
  return users;
}
