// Every algorithm of `dsopt quantize --mode weight-only` on a language model or classifier: bytes, metric, KL divergence from float32, seconds and peak
// memory of the whole process, beside what the peers reach (../shared/peers/results.json). Needs GNU time, and a Python with onnxruntime and numpy.
// PYTHON=venv/bin/python node dist-bench/bench/weight-algorithms.js ../shared bert_sst2_12L|gpt_wikitext2|byte_llama_wikitext
//   [--windows N] [--algorithms rtn,gptq] [--samples N] [-- options of dsopt quantize, such as --bits 3]
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';

interface Evaluation {
  readonly metric: string;
  readonly value: number;
  readonly kl: number;
  readonly agree_fp32: number;
}

interface PeerRow {
  readonly bytes?: number;
  readonly wall_s?: number;
  readonly rss_mb?: number;
  readonly eval?: Evaluation | { readonly kl: undefined };
}

const separator = process.argv.indexOf('--');
const own = process.argv.slice(2, separator < 0 ? undefined : separator);
const quantizeOptions = separator < 0 ? [] : process.argv.slice(separator + 1);
const { values, positionals } = parseArgs({
  args: own,
  allowPositionals: true,
  options: {
    windows: { type: 'string' },
    samples: { type: 'string' },
    algorithms: {
      type: 'string',
      default: 'rtn,mse-clip,hqq,k-quant,imatrix,scale-estimation,awq,gptq,auto',
    },
  },
});
const [shared, task] = positionals;
const texts: Readonly<Record<string, { readonly samples: string; readonly options: readonly string[] }>> = {
  bert_sst2_12L: {
    samples: '128',
    options: ['data/sst2/train.tsv', '--tokenizer', 'data/sst2/tokenizer.json', '--max-length', '64'],
  },
  gpt_wikitext2: {
    samples: '32',
    options: ['data/wikitext2/valid.txt', '--tokenizer', 'data/wikitext2/tokenizer.json', '--window', '256'],
  },
  // Evaluation uses the first 120,000 bytes of the file.
  byte_llama_wikitext: { samples: '32', options: ['data/wikitext2/test.txt', '--window', '256', '--stride', '2000'] },
};
const text = texts[task];
if (!text) throw new TypeError(`node weight-algorithms.js SHARED ${Object.keys(texts).join('|')}`);
const calibration = [
  '--calibration-data',
  ...text.options.map((word) => (word.startsWith('data/') ? join(shared, word) : word)),
  ...['--samples', values.samples ?? text.samples],
];
const dataFree = new Set(['rtn', 'mse-clip', 'hqq', 'k-quant']);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-weight-algorithms-'));
process.stdout.write(
  '| algorithm | bytes | metric | KL | agreement | s | MB |\n| --- | --: | --: | --: | --: | --: | --: |\n',
);
try {
  for (const algorithm of values.algorithms.split(',')) await measure(algorithm);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const [name, row] of Object.entries(peerRows())) {
  if (name.includes('nb_') && row.bytes && row.eval?.kl !== undefined) tell(name, row.bytes, row.eval, row.wall_s ?? 0, row.rss_mb ?? 0);
}

async function measure(algorithm: string): Promise<void> {
  const model = join(shared, 'models/own', `${task}.onnx`);
  const output = join(folder, `${algorithm}.onnx`);
  const command = [process.execPath, join(repository, 'bin/dsopt.js'), 'quantize', model, '-o', output, '--no-verify'];
  const options = ['--quiet', '--mode', 'weight-only', '--algorithm', algorithm, ...quantizeOptions];
  const { stderr } = await execa('/usr/bin/time', [
    '-f',
    '%e %M',
    ...command,
    ...options,
    ...(dataFree.has(algorithm) ? [] : calibration),
  ]);
  const [seconds, kilobytes] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  const result = join(folder, 'evaluation.json');
  await execa(process.env.PYTHON ?? 'python3', [
    join(shared, 'peers/peer_eval.py'),
    ...['--task', task, '--model', output, '--only', 'metric', '--work', join(folder, 'reference'), '--out', result],
    ...(values.windows ? ['--n', values.windows] : []),
  ]);
  const evaluation = JSON.parse(readFileSync(result, 'utf8')) as Evaluation;
  tell(algorithm, statSync(output).size, evaluation, seconds, kilobytes / 1000);
  rmSync(output);
}

function peerRows(): Readonly<Record<string, PeerRow>> {
  const results = JSON.parse(readFileSync(join(shared, 'peers/results.json'), 'utf8')) as {
    readonly tasks: Readonly<Record<string, Readonly<Record<string, PeerRow>>>>;
  };
  return results.tasks[task];
}

function tell(
  name: string,
  bytes: number,
  { value, kl, agree_fp32 }: Evaluation,
  seconds: number,
  megabytes: number,
): void {
  const cells = [name, bytes, value.toFixed(4), kl.toExponential(2), `${(100 * agree_fp32).toFixed(2)} %`];
  process.stdout.write(`| ${[...cells, seconds.toFixed(1), megabytes.toFixed(0)].join(' | ')} |\n`);
}
