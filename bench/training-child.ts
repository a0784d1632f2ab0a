// One contender of training-throughput.ts in a process of its own: opens its model, then for every line "run N" on stdin makes N steps and answers with
// milliseconds a step and the most memory it has held so far, as JSON. Arguments: subject, backend or hand:backend, threads, shared folder.
import { createInterface } from 'node:readline';
import { createOnnxRuntimeEngine, type TfjsBackend } from '../src/engine/index.js';
import { openTrainingStep, type TrainingBackend } from '../src/training/index.js';
import { openAutogradStep } from './tfjs-autograd.js';
import { subjects } from './training-subjects.js';

const [name, contender, threadCount, shared] = process.argv.slice(2);
const threads = Number(threadCount);
const subject = subjects.find((known) => known.name === name)!;
const before = process.memoryUsage.rss();
const step = await open();
await step();
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line.replace('run ', ''));
  const start = performance.now();
  for (let i = 0; i < count; i++) await step();
  const milliseconds = (performance.now() - start) / count;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(`${JSON.stringify({ milliseconds, megabytes, base: before / 2 ** 20 })}\n`);
}

async function open(): Promise<() => Promise<number>> {
  if (contender.startsWith('hand:')) return openAutogradStep(contender.slice('hand:'.length) as TfjsBackend, subject);
  const engine = createOnnxRuntimeEngine({ threads });
  const { model, feeds } = await subject.open(shared);
  const opened = await openTrainingStep(model, feeds, { engine, backend: contender as TrainingBackend, threads });
  return () => opened.run();
}
