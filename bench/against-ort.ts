// `dsopt quantize` against ONNX Runtime's quantize_dynamic, or its MatMulNBitsQuantizer (rtn, hqq): whole processes in turns, wall time and peak
// memory, and the ratios. The first row is the peer's call alone, without Python's imports.
// PYTHON=venv/bin/python node dist-bench/bench/against-ort.js MODEL [ROUNDS] [dynamic|rtn|hqq]; needs GNU time and a Python with onnx, onnxruntime
// and onnx_ir.
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

const [model, rounds = '5', algorithm = 'dynamic'] = process.argv.slice(2);
if (!model) throw new TypeError('node against-ort.js MODEL [ROUNDS] [dynamic|rtn|hqq]');
const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-against-ort-'));
const output = join(folder, 'model.onnx');
const command = [process.execPath, join(repository, 'bin/dsopt.js'), 'quantize', model, '-o', output];
const dsopt = [...command, '--quiet', '--overwrite'];
const weightOnly = [...dsopt, '--no-verify', '--mode', 'weight-only', '--algorithm', algorithm];
const peer = [process.env.PYTHON ?? 'python3', join(repository, 'bench/against-ort.py'), model, output, algorithm];
const [peerName, ours]: readonly [string, Readonly<Record<string, readonly string[]>>] =
  algorithm === 'dynamic'
    ? [
        'quantize_dynamic (Python)',
        {
          'dsopt quantize --no-verify': [...dsopt, '--no-verify'],
          'dsopt quantize --no-measure': [...dsopt, '--no-measure'],
          'dsopt quantize': dsopt,
        },
      ]
    : [
        `MatMulNBitsQuantizer, ${algorithm} (Python)`,
        {
          [`dsopt --algorithm ${algorithm} --no-verify`]: weightOnly,
          'the same with --compute nbits': [...weightOnly, '--compute', 'nbits'],
        },
      ];
const commands: Readonly<Record<string, readonly string[]>> = { [peerName]: peer, ...ours };
const callName = `${peerName}, the call`;
const measured = new Map<string, Measurement[]>([callName, ...Object.keys(commands)].map((name) => [name, []]));
try {
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, command] of Object.entries(commands)) await run(name, command);
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
const base = middle(callName);
process.stdout.write('| median of runs | wall | ratio | peak RSS | ratio |\n| --- | --- | --- | --- | --- |\n');
for (const name of measured.keys()) {
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
async function run(name: string, command: readonly string[]): Promise<void> {
  const { stdout, stderr } = await execa('/usr/bin/time', ['-f', '%e %M', ...command]);
  const [seconds, kilobytes] = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  const megabytes = kilobytes / 1000;
  measured.get(name)?.push({ seconds, megabytes });
  if (name === peerName) measured.get(callName)?.push({ seconds: Number(stdout.trim().split('\n').at(-1)), megabytes });
}
