// The training loop on a small network: it learns, is repeatable, resumes to the same course, keeps zeros, stops when asked or when it diverges.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cloneModel, type Model, tensorType } from '../../src/ir/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { Examples } from '../../src/training/examples/examples.js';
import { type TrainingOptions, type TrainingResult, train } from '../../src/training/index.js';
import { engine } from '../fixture-models.js';
import { temporaryFolder } from '../temporary-folder.js';
import { inputs, network, optionsOf } from './small-models.js';

const folder = temporaryFolder();

async function examplesOf(count: number, holdout = 0.2, labelled = false): Promise<Examples> {
  const samples = [];
  for await (const feeds of inputs(count)) {
    const answer = Int32Array.of(samples.length % 3);
    const targets = labelled ? ({ kind: 'classes', perExample: 1, values: answer, text: null } as const) : null;
    samples.push({ feeds, count: 1, targets, continues: false });
  }
  return new Examples(samples, null, holdout);
}

interface Given {
  readonly student?: Model;
  readonly teacher?: Model;
  /** Examples. */
  readonly count?: number;
  readonly labelled?: boolean;
  readonly options?: Partial<TrainingOptions>;
  readonly finish?: AbortSignal;
  readonly signal?: AbortSignal;
  readonly maxMemory?: number;
  readonly onStep?: (step: number, note: string) => unknown;
}

async function run({
  student = network(2),
  teacher = network(1),
  count = 100,
  labelled = false,
  options = {},
  finish,
  signal = new AbortController().signal,
  maxMemory,
  onStep,
}: Given = {}): Promise<{ result: TrainingResult; student: Model }> {
  const result = await train(
    {
      student,
      teacher,
      examples: await examplesOf(count, 0.2, labelled),
      options: optionsOf({ batch: 16, epochs: 6, ...options }),
      rate: 0.03,
    },
    {
      engine,
      seed: 3,
      signal,
      finish: finish ?? null,
      maxMemory,
      progress: (step, _, note) => onStep?.(step, note),
    },
  );
  return { result, student };
}

const weightOf = (model: Model, name: string): Float32Array =>
  [...model.graph.initializers].find((value) => value.name === name)!.constant!.readFloat32();

test('the held-out loss falls, and the weights are in the model', async () => {
  const { result, student } = await run();
  expect(result.steps).toBe(6 * 5);
  expect(result.checks[0].step).toBe(0);
  expect(result.checks.at(-1)!.loss).toBeLessThan(0.3 * result.checks[0].loss);
  expect(weightOf(student, 'w1')).not.toEqual(weightOf(network(2), 'w1'));
});

test('the same seed gives the same course', async () => {
  const [a, b] = [await run(), await run()];
  expect(a.result.losses).toEqual(b.result.losses);
  expect(weightOf(a.student, 'w2')).toEqual(weightOf(b.student, 'w2'));
});

test('a stopped training resumes to the course of one that was not', async () => {
  const whole = await run();
  const checkpoint = join(folder, 'resumed');
  const controller = new AbortController();
  const first = await run({
    options: { checkpoint },
    finish: controller.signal,
    onStep: (step) => step === 12 && controller.abort(),
  });
  expect(first.result.ended).toBe('interrupted');
  expect(first.result.steps).toBe(12);
  const second = await run({ options: { checkpoint, resume: true } });
  expect(second.result.losses).toEqual(whole.result.losses);
  expect(weightOf(second.student, 'w1')).toEqual(weightOf(whole.student, 'w1'));
});

test('a log that is ahead of its checkpoint goes on from there', async () => {
  const [checkpoint, log] = [join(folder, 'logged'), join(folder, 'steps.jsonl')];
  const options = { checkpoint, log, steps: 8, checkEvery: 4 };
  const whole = await run({ options });
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(8);
  const ended = await run({ options: { ...options, resume: true } });
  expect(ended.result.losses).toEqual(whole.result.losses);
  expect(readFileSync(log, 'utf8').trimEnd().split('\n')).toEqual(lines);
  // What a killed process had written of steps after its last checkpoint, down to the middle of a line.
  const killed = join(folder, 'killed');
  const controller = new AbortController();
  const first = run({
    options: { ...options, checkpoint: killed },
    signal: controller.signal,
    onStep: (step) => step === 6 && controller.abort(),
  });
  await expect(first).rejects.toBeDefined();
  writeFileSync(log, `${lines.slice(0, 6).join('\n')}\n{"step":7,"lo`);
  await run({ options: { ...options, checkpoint: killed, resume: true } });
  const steps = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(steps.map((line) => JSON.parse(line).step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(steps.map((line) => JSON.parse(line).loss)).toEqual(whole.result.losses);
});

test.each([
  ['stages, a moving average and momentum', { loss: 'labels:1@40%;logits:1', ema: 0.8, optimizer: 'sgd' } as const],
  ['accumulation and AdamW', { accumulate: 2, weightDecay: 0.1 }],
])('a killed training resumes to the same course: %s', async (name, given) => {
  const checkpoint = join(folder, name);
  const options = { steps: 12, checkEvery: 4, lr: 0.01, ...given };
  const whole = await run({ options, labelled: true });
  const controller = new AbortController();
  const onStep = (step: number) => step === 7 && controller.abort();
  const killed = run({ options: { ...options, checkpoint }, labelled: true, signal: controller.signal, onStep });
  await expect(killed).rejects.toBeDefined();
  const resumed = await run({ options: { ...options, checkpoint, resume: true }, labelled: true });
  expect(resumed.result.losses).toEqual(whole.result.losses);
  expect(weightOf(resumed.student, 'w1')).toEqual(weightOf(whole.student, 'w1'));
});

test('where there are too few examples to hold any out, what was trained on keeps the weights from getting worse', async () => {
  const teacher = network(1);
  const student = network(1);
  const w2 = [...student.graph.initializers].find(({ name }) => name === 'w2')!;
  w2.constant = float32Tensor(
    w2.constant!.shape,
    w2.constant!.readFloat32().map((value) => 1.1 * value),
  );
  const before = weightOf(student, 'w2');
  const { result } = await run({ student, teacher, count: 24, options: { steps: 3, lr: 50, checkEvery: 1 } });
  expect(result.judgedItself).toBe(true);
  expect(result.checks).toHaveLength(4);
  expect(result.bestStep).toBe(0);
  expect(weightOf(student, 'w2')).toEqual(before);
  expect((await run({ count: 200, options: { steps: 2 } })).result.judgedItself).toBe(false);
});

test('a checkpoint of another training is refused', async () => {
  const checkpoint = join(folder, 'refused');
  await run({ options: { checkpoint, steps: 2 } });
  await expect(run({ options: { checkpoint, steps: 3, resume: true } })).rejects.toMatchObject({ code: 'USAGE' });
  const others = { count: 99, options: { checkpoint, steps: 2, resume: true } };
  await expect(run(others)).rejects.toMatchObject({ code: 'USAGE' });
  await expect(run({ teacher: network(4), options: others.options })).rejects.toMatchObject({ code: 'USAGE' });
});

test('stages train for one loss after the other, judged by the last', async () => {
  const { result } = await run({ options: { steps: 8, loss: 'labels:1@50%;logits:1' }, labelled: true });
  const plain = await run({ options: { steps: 8, loss: 'labels:1' }, labelled: true });
  expect(result.losses.slice(0, 4)).toEqual(plain.result.losses.slice(0, 4));
  expect(result.losses[4]).not.toBeCloseTo(plain.result.losses[4], 3);
  const logits = await run({ options: { steps: 8 } });
  expect(result.checks[0].loss).toBeCloseTo(logits.result.checks[0].loss, 5);
});

test('what the teacher said is kept from run to run, for this teacher and these examples only', async () => {
  const teacherCache = join(folder, 'teacher');
  const options = { teacherCache, epochs: 1 };
  const first = await run({ options });
  const [file, ...more] = readdirSync(teacherCache);
  expect(more).toEqual([]);
  const { mtimeMs } = statSync(join(teacherCache, file));
  const second = await run({ options });
  expect(second.result.losses).toEqual(first.result.losses);
  expect(statSync(join(teacherCache, file)).mtimeMs).toBe(mtimeMs);
  await run({ options, teacher: network(4) });
  await run({ options, count: 99 });
  expect(readdirSync(teacherCache)).toHaveLength(3);
});

test('mask without a token and mixup with right answers are errors', async () => {
  for (const options of [{ augment: 'mask' }, { augment: 'mixup', loss: 'labels:1' }]) {
    await expect(run({ options, labelled: true })).rejects.toMatchObject({ code: 'USAGE' });
  }
});

test("the best weights can be those with the most right answers, or the most that are the teacher's", async () => {
  const agreement = await run({ options: { judge: 'agreement' } });
  const scores = agreement.result.checks.map(({ score }) => score!);
  const best = agreement.result.checks.find(({ step }) => step === agreement.result.bestStep)!;
  expect(best.score).toBe(Math.max(...scores));
  expect(best.score).toBeGreaterThan(scores[0]);
  const right = await run({ options: { judge: 'accuracy', loss: 'labels:1' }, labelled: true });
  expect(right.result.checks.every(({ score }) => score !== null && score >= 0 && score <= 1)).toBe(true);
  await expect(run({ options: { judge: 'accuracy' } })).rejects.toMatchObject({ code: 'USAGE' });
});

test('where a step would hold too much, its gradients come from smaller batches', async () => {
  const whole = await run({ options: { steps: 4 } });
  const parts = await run({ options: { steps: 4 }, maxMemory: 4000 });
  expect(parts.result.losses).toHaveLength(4);
  expect(parts.result.checks[0].loss).toBeCloseTo(whole.result.checks[0].loss, 5);
  expect(parts.result.losses[0]).toBeCloseTo(whole.result.losses[0], 4);
  await expect(run({ options: { steps: 4 }, maxMemory: 200 })).rejects.toMatchObject({ code: 'MEMORY' });
});

test('patience ends a training whose judge sees nothing better', async () => {
  const { result } = await run({ options: { judge: 'agreement', patience: 2, checkEvery: 1, epochs: 30 } });
  expect(result.ended).toBe('no better');
  expect(result.steps).toBeLessThan(150);
});

test('zeros of a pruned matrix stay zero', async () => {
  const student = network(2);
  const w1 = [...student.graph.initializers].find(({ name }) => name === 'w1')!;
  const values = w1.constant!.readFloat32().map((value, index) => (index % 3 === 0 ? 0 : value));
  w1.constant = float32Tensor(w1.constant!.shape, values);
  const { result } = await run({ student });
  expect(result.pruned).toBe(1);
  const trained = weightOf(student, 'w1');
  expect(trained.filter((_, index) => index % 3 === 0).every((value) => value === 0)).toBe(true);
  expect(trained.filter((_, index) => index % 3 !== 0).every((value) => value !== 0)).toBe(true);
});

test('what is not finite ends the training with a hint', async () => {
  const student = network(2);
  const w2 = [...student.graph.initializers].find(({ name }) => name === 'w2')!;
  w2.constant = float32Tensor(w2.constant!.shape, new Float32Array(w2.constant!.size).fill(3e38));
  await expect(run({ student, options: { holdout: 0 } })).rejects.toMatchObject({
    code: 'VERIFICATION',
    hint: expect.stringContaining('--lr'),
  });
});

test('gradients of several batches make the step of one', async () => {
  const one = await run({ options: { batch: 16, steps: 3, optimizer: 'sgd', clip: 0, loss: 'logits:1' } });
  const parts = await run({ options: { batch: 4, accumulate: 4, steps: 3, optimizer: 'sgd', clip: 0 } });
  for (const [index, loss] of one.result.losses.entries()) expect(parts.result.losses[index]).toBeCloseTo(loss, 4);
});

test('a student that computes what its teacher does is left alone', async () => {
  const { result, student } = await run({ student: cloneModel(network(1)) });
  expect(result.ended).toBe('equal');
  expect(weightOf(student, 'w1')).toEqual(weightOf(network(1), 'w1'));
});

test('progress tells losses and speed', async () => {
  const notes: string[] = [];
  await run({ options: { steps: 2 }, onStep: (_, note) => notes.push(note) });
  expect(notes).toHaveLength(2);
  for (const note of notes) expect(note).toMatch(/^loss [\d.]+ · held out [\d.]+ · \d+ examples\/s$/);
});

test('every step is a line of JSON', async () => {
  const log = join(folder, 'steps.jsonl');
  await run({ options: { log, steps: 4 } });
  expect(existsSync(log)).toBe(true);
  const lines = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  expect(Object.keys(lines[0])).toEqual(['step', 'loss', 'terms', 'rate', 'norm', 'examples', 'milliseconds']);
});

test('a last batch that is smaller is trained on too', async () => {
  // 80 examples are not held out: two batches of 32 and one of 16.
  const { result } = await run({ options: { batch: 32, epochs: 1 } });
  expect(result.steps).toBe(3);
});

test('a model of a fixed batch is trained in such batches, with as many examples a step', async () => {
  const fixed = (seed: number): Model => {
    const model = network(seed);
    model.graph.inputs[0].type = tensorType('float32', [1, 4]);
    model.graph.outputs[0].type = tensorType('float32', [1, 3]);
    return model;
  };
  const result = await train(
    {
      student: fixed(2),
      teacher: fixed(1),
      examples: await examplesOf(40),
      options: optionsOf({ batch: 8, epochs: 2 }),
      rate: 0.03,
    },
    { engine, seed: 3, signal: new AbortController().signal, finish: null, progress() {} },
  );
  expect(result.steps).toBe(2 * 5);
});
