// `dsopt quantize` against ONNX Runtime's quantize_dynamic: whole processes in turns, wall time and peak memory, and the ratios.
// PYTHON=venv/bin/python node dist-bench/bench/against-ort.js MODEL [ROUNDS]; needs GNU time and a Python with onnx and onnxruntime.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { percentile } from '../src/numeric/index.js';

interface Measurement {
  readonly seconds: number;
  readonly megabytes: number;
}

const [model, rounds = '5'] = process.argv.slice(2);
if (!model) throw new TypeError('node against-ort.js MODEL [ROUNDS]');
const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-against-ort-'));
const output = join(folder, 'model.onnx');
const dsopt = [
  process.execPath,
  join(repository, 'bin/dsopt.js'),
  'quantize',
  model,
  '-o',
  output,
  '--quiet',
  '--overwrite',
];
const peer = [process.env.PYTHON ?? 'python3', join(repository, 'bench/against-ort.py'), model, output];
const commands: Readonly<Record<string, readonly string[]>> = {
  'quantize_dynamic (Python)': peer,
  'dsopt quantize --no-verify': [...dsopt, '--no-verify'],
  'dsopt quantize --no-measure': [...dsopt, '--no-measure'],
  'dsopt quantize': dsopt,
};
const measured = new Map<string, Measurement[]>(Object.keys(commands).map((name) => [name, []]));
try {
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, command] of Object.entries(commands)) measured.get(name)?.push(await run(command));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const medianOf = (name: string, figure: keyof Measurement): number =>
  percentile(
    Float32Array.from(measured.get(name) ?? [], (measurement) => measurement[figure]),
    50,
  );
const middle = (name: string): Measurement => ({
  seconds: medianOf(name, 'seconds'),
  megabytes: medianOf(name, 'megabytes'),
});
const base = middle(Object.keys(commands)[0]);
process.stdout.write('| median of runs | wall | ratio | peak RSS | ratio |\n| --- | --- | --- | --- | --- |\n');
for (const name of Object.keys(commands)) {
  const { seconds, megabytes } = middle(name);
  const cells = [
    name,
    `${seconds.toFixed(2)} s`,
    (seconds / base.seconds).toFixed(2),
    `${megabytes.toFixed(0)} MB`,
    (megabytes / base.megabytes).toFixed(2),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

/** Peak memory is that of the largest process. */
async function run(command: readonly string[]): Promise<Measurement> {
  const { stderr } = await execa('/usr/bin/time', ['-f', '%e %M', ...command]);
  const [seconds, kilobytes] = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return { seconds, megabytes: kilobytes / 1000 };
}
