// Knowledge distillation (Hinton et al. 2015): a student learns to give what its teacher gives. The student is another file, the teacher with fewer
// residual blocks, or what the passes before made of it.
import { findResidualBlocks, type Gap, removeBlocks } from '../../src/analysis/index.js';
import type { Feeds } from '../../src/engine/index.js';
import { DsoptError, usageError } from '../../src/errors.js';
import { cloneModel, type Model, nodeLabel } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { definePass, type PassContext, withSamples } from '../../src/pass/index.js';
import { chooseBlocks, repairGaps } from '../../src/pruning/index.js';
import {
  examplesAtOnce,
  examplesFor,
  initializeWeights,
  locatePath,
  locateTrainingOptions,
  openTeacher,
  reasonOf,
  replaceGraph,
  trainInPass,
} from '../../src/training/index.js';
import { type Options, options } from './options.js';

const defaultRate = 1e-3;
/** Examples that choose which blocks go, and by which what is left is refitted. */
const comparedExamples = 256;

export const distill = definePass({
  name: 'distill',
  kind: 'finetune',
  summary: 'Trains a smaller student to give the outputs of its teacher; needs data, answers are optional.',
  options,
  needs: ['samples', 'training'],
  locate(options, folder) {
    const { student } = options;
    const isFile = student !== undefined && !/^(?:layers|width):/.test(student);
    return {
      ...locateTrainingOptions(options, folder),
      ...(isFile && { student: locatePath(student, folder) }),
    };
  },
  requires(_, { student }) {
    if (student?.startsWith('layers:')) parseCount(student);
    if (student?.startsWith('width:')) {
      throw usageError(
        `${student} is for the command line`,
        'In a recipe, write prune-channels, prune-heads and prune-neurons before this step.',
      );
    }
  },
  async run(model, options, context) {
    const seed = context.random().int(2 ** 31);
    const teacher = await openTeacher(options, context);
    const examples = await examplesFor(model, options, context, seed);
    const atOnce = examplesAtOnce([model], examples) ?? 1;
    const few = [...examples.batches(spread(examples.training, comparedExamples), atOnce, null)];
    await makeStudent(model, options, context, feedsOf(few.filter(({ indices }) => indices.length === atOnce)));
    if (options.initialize === 'random') initializeWeights(model, context.random().fork('initialize'));
    try {
      const fresh = options.initialize === 'random';
      await trainInPass(model, options, context, { teacher, examples, rate: defaultRate, fresh, seed });
    } catch (cause) {
      // Without a student of its own the pass is one step of several, and what it finds stands without it.
      const stands =
        options.student === undefined && options.initialize === 'kept' && options.untrainable === 'skipped';
      if (!stands || !(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
      context.record.skipped('the model', reasonOf(cause));
    }
  },
});

/** Evenly, as data may be in the order of its classes. */
function spread(indices: readonly number[], count: number): number[] {
  const every = Math.max(1, indices.length / count);
  return indices.filter((_, i) => Math.floor(i / every) !== Math.floor((i - 1) / every)).slice(0, count);
}

function feedsOf(batches: readonly { readonly sample: { readonly feeds: Feeds } }[]): AsyncIterable<Feeds> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const { sample } of batches) yield sample.feeds;
    },
  };
}

async function makeStudent(
  model: Model,
  options: Options,
  context: PassContext,
  samples: AsyncIterable<Feeds>,
): Promise<void> {
  const { student } = options;
  if (student === undefined) return;
  const { record } = context;
  if (student.startsWith('layers:')) {
    const before = cloneModel(model);
    const { removed, gaps } = await cutLayers(model, parseCount(student), options, context, samples);
    record.metric('refittedOperators', await repairGaps(model, before, gaps, withSamples(context, model, samples)));
    const list = removed.sort((a, b) => a - b).join(', ');
    record.changed('residual blocks', `numbers ${list} left out, counted from 0`);
    return;
  }
  replaceGraph(model, await loadModel(student));
  for (const node of model.graph.nodes()) {
    record.changed(nodeLabel(node), `from ${student}`);
    break;
  }
}

/** Leaves all but `count` residual blocks out; gives the numbers of those that went, from 0 on, and where they were. Throws USAGE where there are too few. */
async function cutLayers(
  model: Model,
  count: number,
  { threads }: Options,
  { engine, signal, progress }: PassContext,
  samples: AsyncIterable<Feeds>,
): Promise<{ readonly removed: number[]; readonly gaps: readonly Gap[] }> {
  const { blocks } = await findResidualBlocks(model, engine);
  if (blocks.length === 0) {
    throw usageError(
      'The teacher has no residual blocks that could be left out',
      'Give width:0.5, or the file of a student.',
    );
  }
  if (count >= blocks.length) {
    throw usageError(
      `The teacher has ${blocks.length} blocks that could be left out, so layers:${count} is not smaller`,
      blocks.length > 1 ? `Give layers:1 to layers:${blocks.length - 1}, or width:0.5.` : 'Give width:0.5.',
    );
  }
  const wanted = blocks.length - count;
  const total = Array.from({ length: wanted }, (_, i) => blocks.length - i).reduce((a, b) => a + b, 0);
  const chosen = await chooseBlocks(model, blocks, {
    importance: 'output-error',
    enough: ({ length }) => length >= wanted,
    engine,
    samples,
    threads,
    signal,
    onTrial: (done) => progress(done, total),
  });
  const removed = chosen.map(({ index }) => index);
  const gaps = removeBlocks(
    model,
    removed.map((index) => blocks[index]),
  );
  return { removed, gaps };
}

/** `layers:6` → 6. */
function parseCount(student: string): number {
  const count = Number(student.slice('layers:'.length));
  if (Number.isInteger(count) && count >= 1) return count;
  throw usageError(`${student} is no number of blocks`, 'Write it like layers:6.');
}
