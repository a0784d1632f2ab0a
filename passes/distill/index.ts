// Knowledge distillation (Hinton et al. 2015): a student learns to give what its teacher gives. The student is another file, the teacher with fewer
// residual blocks, or what the passes before made of it.
import { DsoptError, usageError } from '../../src/errors.js';
import { type Model, nodeLabel } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import {
  cutLayers,
  examplesFor,
  initializeWeights,
  openTeacher,
  replaceGraph,
  trainInPass,
} from '../../src/training/index.js';
import { type Options, options } from './options.js';

const defaultRate = 1e-3;
/** Examples that choose which blocks go. */
const choosing = 32;

export const distill = definePass({
  name: 'distill',
  kind: 'finetune',
  summary: 'Trains a smaller student to give the outputs of its teacher; needs data, answers are optional.',
  options,
  needs: ['samples', 'training'],
  requires(_, { student }) {
    if (student?.startsWith('layers:')) parseCount(student);
  },
  async run(model, options, context) {
    const seed = context.random().int(2 ** 31);
    const teacher = await openTeacher(options, context);
    const examples = await examplesFor(model, options, context, seed);
    await makeStudent(model, options, context, [...examples.batches(examples.training.slice(0, choosing), 1, null)]);
    if (options.initialize === 'random') initializeWeights(model, context.random().fork('initialize'));
    try {
      await trainInPass(model, options, context, { teacher, examples, rate: defaultRate, seed });
    } catch (cause) {
      // Without a student of its own the pass is one step of several, and what it finds stands without it.
      const stands = options.student === undefined && options.initialize === 'kept';
      if (!stands || !(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
      context.record.skipped('the model', cause.message);
    }
  },
});

type Batches = Parameters<typeof cutLayers>[1]['batches'];

async function makeStudent(model: Model, options: Options, context: PassContext, batches: Batches): Promise<void> {
  const { student, threads } = options;
  if (student === undefined) return;
  const { engine, signal, record } = context;
  if (student.startsWith('layers:')) {
    const count = parseCount(student);
    const onTrial = (done: number, total: number): void => context.progress(done, total);
    const removed = await cutLayers(model, { count, batches, engine, threads, signal, onTrial });
    const list = [...removed].sort((a, b) => a - b).join(', ');
    record.changed('residual blocks', `numbers ${list} left out, counted from 0`);
    return;
  }
  replaceGraph(model, await loadModel(student));
  for (const node of model.graph.nodes()) {
    record.changed(nodeLabel(node), `from ${student}`);
    break;
  }
}

/** `layers:6` → 6. */
function parseCount(student: string): number {
  const count = Number(student.slice('layers:'.length));
  if (Number.isInteger(count) && count >= 1) return count;
  throw usageError(`${student} is no number of blocks`, 'Write it like layers:6.');
}
