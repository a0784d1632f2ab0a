// Examples a second of training steps (forward, backward, Adam) and peak memory: training graphs of dsopt on onnxruntime and other backends, beside the same networks
// written by hand in TensorFlow.js (hand:tfjs-node, hand:webgpu; tfjs-autograd.ts) and in PyTorch (training-throughput.py). Each contender is a process of its own, and
// they take turns within a model. Prints a table and, with --json FILE, the figures.
//   node dist-bench/bench/training-throughput.js [--model resnet20 --model bert …] [--contender onnxruntime --contender hand:tfjs-node --contender pytorch …]
//     [--threads 2] [--steps 5] [--rounds 3] [--python PYTHON] [--shared FOLDER] [--json FILE]
// To run it elsewhere carry dist-bench/, bench/training-throughput.py, package.json and node_modules/onnxruntime-node, onnxruntime-common, protobufjs, long, zod and piscina.
// TensorFlow.js must be reachable from the folder of dist-bench, as in node_modules/@tensorflow/tfjs-node (../shared/tools/setup-tfjs-node.sh makes one).
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { subjects } from './training-subjects.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true, default: ['onnxruntime'] },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    python: { type: 'string', default: 'python3' },
    shared: { type: 'string', default: '../shared' },
    json: { type: 'string' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));

interface Measured {
  readonly milliseconds: number;
  readonly megabytes: number;
  readonly base: number;
}

interface Contender {
  readonly name: string;
  readonly child: ChildProcess;
  readonly answers: AsyncIterator<string>;
  readonly measured: Measured[];
}

function start(model: string, name: string): Contender {
  const script = join(here, 'training-child.js');
  const python = join(here, '..', '..', 'bench', 'training-throughput.py');
  const [command, args] = name.startsWith('pytorch')
    ? [values.python, [python, model, name.slice('pytorch'.length), values.threads]]
    : [process.execPath, [script, model, name, values.threads, values.shared]];
  const env = {
    ...process.env,
    TF_NUM_INTRAOP_THREADS: values.threads,
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: values.threads,
  };
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { name, child, answers, measured: [] };
}

/** What one turn of a contender took; null where it ended. */
async function turn({ child, answers }: Contender): Promise<Measured | null> {
  child.stdin!.write(`run ${values.steps}\n`);
  for (;;) {
    const { value, done } = await answers.next();
    if (done) return null;
    if (value.startsWith('{')) return JSON.parse(value) as Measured;
  }
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1];
const rows = [];
process.stdout.write('| model | batch | by | ms a step | examples/s | of the first | peak MB, over its start |\n');
process.stdout.write('| --- | --: | --- | --: | --: | --: | --: |\n');
for (const { name: model, batch } of subjects) {
  if (values.model && !values.model.includes(model)) continue;
  const contenders = values.contender.map((name) => start(model, name));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const contender of contenders) {
      const measured = await turn(contender);
      if (measured) contender.measured.push(measured);
    }
  }
  for (const { child } of contenders) child.stdin!.end();
  const times = contenders.map(({ measured }) => median(measured.map(({ milliseconds }) => milliseconds)));
  for (const [i, { name, measured }] of contenders.entries()) {
    if (measured.length === 0) {
      process.stdout.write(`| ${model} | ${batch} | ${name} | does not run | | | |\n`);
      continue;
    }
    const { megabytes, base } = measured[measured.length - 1];
    const cells = [times[i].toFixed(0), ((1000 * batch) / times[i]).toFixed(1), (times[i] / times[0]).toFixed(2)];
    process.stdout.write(
      `| ${model} | ${batch} | ${name} | ${cells.join(' | ')} | ${megabytes.toFixed(0)}, ${(megabytes - base).toFixed(0)} |\n`,
    );
    rows.push({ model, batch, by: name, milliseconds: times[i], all: measured });
  }
}
process.stdout.write(
  `${values.threads} threads, median of ${values.rounds} rounds of ${values.steps} steps in turns, a process each\n`,
);
if (values.json) writeFileSync(values.json, JSON.stringify(rows, null, 2));
