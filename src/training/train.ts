// What a training is made of: the form in which weights are trained, losses, teacher, batches; then the loop.
import type { Engine } from '../engine/index.js';
import { memoryLimit, unsupportedModel, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { stepEngine } from './backend.js';
import { type Augmentation, parseAugmentations } from './examples/augment.js';
import { BatchStream } from './examples/batch-stream.js';
import type { Examples } from './examples/examples.js';
import { examplesAtOnce } from './examples/examples-at-once.js';
import { examplesFingerprint, modelFingerprint } from './examples/fingerprint.js';
import { Teacher } from './examples/teacher.js';
import { TeacherCache } from './examples/teacher-cache.js';
import { fixedBatch, withFreeBatch } from './graphs/free-batch.js';
import type { Projection } from './graphs/training-graph.js';
import { LossStages, lossOf } from './loss-stages.js';
import type { TrainingOptions } from './options.js';
import { Training, type TrainingEnvironment, type TrainingRequest, type TrainingResult } from './training-loop.js';
import { FakeQuantizer } from './weights/fake-quantize.js';
import { renormalize } from './weights/renormalization.js';
import { TrainedWeights, trainedValues } from './weights/trained-weights.js';
import type { WeightForm } from './weights/weight-form.js';

/** Throws MODEL_UNSUPPORTED for what cannot be trained, VERIFICATION where the loss is not finite any more. */
export async function train(request: TrainingRequest, environment: TrainingEnvironment): Promise<TrainingResult> {
  const { examples } = request;
  const { engine } = environment;
  const student = await inAnyBatch(request.student, examples, engine);
  const teacher = request.teacher && (await inAnyBatch(request.teacher, examples, engine));
  const fixed = examplesAtOnce(teacher ? [student, teacher] : [student], examples);
  let options = fixed === null ? request.options : inBatchesOf(fixed, request.options);
  const form = request.form ?? roundedForm(student, options);
  const suits = options.normalization === 'batch' || (options.normalization === 'auto' && request.fresh === true);
  const renormalization = suits && !form ? await renormalize(student, examples, options, environment) : null;
  const weights = TrainedWeights.of(student, { form, renormalization });
  if (weights.names.length === 0) throw unsupportedModel('The student has no weights of float32 that could be trained');
  const projections = new Map<string, Projection>();
  const executing = await stepEngine(options.backend, engine);
  const stages = new LossStages({
    student,
    teacher,
    options,
    weights: trainedValues(student.graph, form).map(({ name }) => name),
    trainedWeights: weights.names,
    renormalization,
    projections,
    engine,
    executing,
  });
  const kinds = augmentationsFor(options, examples, request.mix === true && !/labels/.test(lossOf(options)));
  checkAugmentations(kinds, options, examples);
  const { threads, teacherCache, checkpoint } = options;
  const hashed = teacherCache !== undefined || checkpoint !== undefined;
  const identity = hashed
    ? [examplesFingerprint(examples), request.teacher ? modelFingerprint(request.teacher) : '']
    : [];
  const cache = teacherCache === undefined ? null : new TeacherCache(teacherCache, [...identity, ...stages.wanted]);
  const keeps = kinds.size === 0 && stages.repeatable;
  const teaching =
    teacher && stages.wanted.length > 0
      ? await Teacher.open(teacher, stages.wanted, engine, { keeps, threads, cache })
      : null;
  const streamOf = (given: TrainingOptions): BatchStream =>
    new BatchStream({ examples, options: given, fixed, teaching, kinds, ahead: executing !== engine });
  try {
    const { maxMemory = Number.POSITIVE_INFINITY } = environment;
    const held = weights.heldBytes({
      averages: options.ema > 0 ? 1 : 0,
      moments: options.optimizer === 'sgd' ? 1 : 2,
      checkpoints: checkpoint !== undefined,
    });
    const bytesOf = async (given: TrainingOptions, recompute: boolean): Promise<number> => {
      stages.recompute(recompute);
      return held + (await stages.stepBytes(await streamOf(given).tensors(examples.widest(given.batch), null)));
    };
    stages.recompute(options.recompute === 'always');
    if (executing === engine && Number.isFinite(maxMemory)) {
      options = await inBatchesThatFit(
        options,
        maxMemory,
        { fixed: fixed !== null, whole: renormalization !== null },
        bytesOf,
      );
    }
    const stream = streamOf(options);
    const parts = { ...request, options, weights, stages, stream, projections, identity };
    return await new Training(parts, environment).run();
  } finally {
    await teaching?.close();
    await stages.close();
  }
}

/**
 * Smaller batches, as many more for each step, where a step would hold more than `most` bytes; where that is not enough, batches are better
 * `whole` or are `fixed`, parts of the forward pass are computed twice. Throws MEMORY where one example is too much.
 */
async function inBatchesThatFit(
  given: TrainingOptions,
  most: number,
  { fixed, whole }: { readonly fixed: boolean; readonly whole: boolean },
  bytesOf: (options: TrainingOptions, recompute: boolean) => Promise<number>,
): Promise<TrainingOptions> {
  const always = given.recompute === 'always';
  for (let options = given; ; ) {
    let bytes = await bytesOf(options, always);
    if (bytes > most && given.recompute === 'auto' && (fixed || whole || options.batch === 1))
      bytes = await bytesOf(options, true);
    // A batch that the model fixes is not split; what it holds was not checked before, and is not refused.
    if (bytes <= most || fixed) return options;
    if (options.batch === 1) {
      throw memoryLimit(
        `A step of training on one example, with weights and what is kept of them, holds ${Math.ceil(bytes / 2 ** 20)} MiB`,
        'Raise --max-memory, or train on shorter inputs; --optimizer sgd and --integers kept keep less.',
      );
    }
    const batch = Math.ceil(options.batch / 2);
    options = { ...options, batch, accumulate: Math.round((given.batch * given.accumulate) / batch) };
  }
}

function roundedForm({ graph }: Model, { qat, qatBlockSize: blockSize }: TrainingOptions): WeightForm | null {
  if (qat === 'none') return null;
  const quantizer = new FakeQuantizer(graph, { bits: qat === 'int4' ? 4 : 8, blockSize });
  if (quantizer.count === 0) throw unsupportedModel('The student has no matrices that quantize-weights would store');
  return quantizer;
}

function augmentationsFor(
  { augment }: TrainingOptions,
  { areImages }: Examples,
  mixes: boolean,
): ReadonlySet<Augmentation> {
  const kinds = parseAugmentations(augment) ?? new Set();
  if (kinds !== 'auto') return kinds;
  if (!areImages) return new Set();
  return new Set<Augmentation>(mixes ? ['flip', 'crop', 'mixup', 'cutmix'] : ['flip', 'crop']);
}

function checkAugmentations(kinds: ReadonlySet<Augmentation>, options: TrainingOptions, { maskToken }: Examples): void {
  if (kinds.has('mask') && options.maskToken === undefined && maskToken === null) {
    throw usageError('The data tells no token that stands for hidden words', 'Give its id: --mask-token N.');
  }
  if ((kinds.has('mixup') || kinds.has('cutmix')) && /labels/.test(lossOf(options))) {
    throw usageError('mixup and cutmix mix examples, which right answers do not follow', 'Leave labels out of --loss.');
  }
}

/** So many examples try whether a model takes any number of them at once. */
const mostTried = 16;

/** The model with a free batch axis where its graph allows one, for the time of training. */
async function inAnyBatch(model: Model, examples: Examples, engine: Engine): Promise<Model> {
  if (fixedBatch(model) === null) return model;
  const few = examples.first(mostTried).map(({ feeds }) => feeds);
  return (await withFreeBatch(model, few, engine)) ?? model;
}

/** As many examples a step, in batches of the length that the model takes. */
function inBatchesOf(length: number, options: TrainingOptions): TrainingOptions {
  const accumulate = Math.max(1, Math.round((options.batch * options.accumulate) / length));
  return { ...options, batch: length, accumulate };
}
