// Every algorithm of `dsopt quantize --mode weight-only` on a language model or classifier: bytes, metric, KL divergence from float32, seconds and peak
// memory of the whole process, beside what the peers reach (../shared/peers/results.json). Needs GNU time, and a Python with onnxruntime and numpy
// for the peers' evaluator, which `--evaluator dsopt` replaces by `dsopt eval`.
// `--peers` runs methods of the peers (peer_methods.py) in turn with the algorithms, for times on the same machine: the call alone, without imports.
// PYTHON=venv/bin/python node dist-bench/bench/weight-algorithms.js ../shared bert_sst2_12L|gpt_wikitext2|byte_llama_wikitext
//   [--windows N] [--algorithms rtn,gptq] [--samples N] [--evaluator peer|dsopt] [--peers prep+nb_gptq32] [-- options of dsopt quantize, such as --bits 3]
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';

interface Evaluation {
  readonly value: number;
  readonly kl: number;
  readonly agree_fp32: number;
}

/** Of `dsopt eval --json`. */
interface EvalReport {
  readonly models: readonly {
    readonly metrics: readonly { readonly value: number }[];
    readonly fidelity: readonly { readonly name: string; readonly value: number }[];
  }[];
}

interface PeerRow {
  readonly bytes?: number;
  readonly wall_s?: number;
  readonly rss_mb?: number;
  readonly error?: string;
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
    evaluator: { type: 'string', default: 'peer' },
    peers: { type: 'string', default: '' },
    algorithms: {
      type: 'string',
      default: 'rtn,mse-clip,hqq,k-quant,imatrix,scale-estimation,awq,gptq,auto',
    },
  },
});
const [shared, task] = positionals;
interface Text {
  readonly samples: string;
  readonly calibration: string;
  readonly evaluation: string;
  readonly metric: string;
  /** Windows that are compared. */
  readonly compared?: string;
  readonly options: readonly string[];
}

const texts: Readonly<Record<string, Text>> = {
  bert_sst2_12L: {
    samples: '128',
    calibration: 'sst2/train.tsv',
    evaluation: 'sst2/dev.tsv',
    metric: 'accuracy',
    options: ['--tokenizer', join(shared, 'data/sst2/tokenizer.json'), '--max-length', '64'],
  },
  gpt_wikitext2: {
    samples: '32',
    calibration: 'wikitext2/valid.txt',
    evaluation: 'wikitext2/test.txt',
    metric: 'perplexity',
    compared: '100',
    options: ['--tokenizer', join(shared, 'data/wikitext2/tokenizer.json'), '--window', '256'],
  },
  // Evaluation uses the first 120,000 bytes of the other file.
  byte_llama_wikitext: {
    samples: '32',
    calibration: 'wikitext2/test.txt',
    evaluation: 'wikitext2/valid.txt',
    metric: 'nats-per-byte',
    compared: '60',
    options: ['--window', '256', '--stride', '2000'],
  },
};
const text = texts[task];
if (!text) throw new TypeError(`node weight-algorithms.js SHARED ${Object.keys(texts).join('|')}`);
const data = (name: string): string => join(shared, 'data', name);
const calibration = [
  '--calibration-data',
  data(text.calibration),
  ...text.options,
  '--samples',
  values.samples ?? text.samples,
];
const dataFree = new Set(['rtn', 'mse-clip', 'hqq', 'k-quant']);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-weight-algorithms-'));
process.stdout.write(
  '| algorithm | bytes | metric | KL | agreement | s | MB |\n| --- | --: | --: | --: | --: | --: | --: |\n',
);
try {
  const peers = values.peers.split(',').filter(Boolean);
  for (const algorithm of values.algorithms.split(',').filter(Boolean)) {
    await measure(algorithm);
    const peer = peers.shift();
    if (peer) await measurePeer(peer);
  }
  for (const peer of peers) await measurePeer(peer);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const [name, row] of Object.entries(peerRows())) {
  if (name.includes('nb_') && row.bytes && row.eval?.kl !== undefined)
    tell(name, row.bytes, row.eval, row.wall_s ?? 0, row.rss_mb ?? 0);
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
  tell(algorithm, statSync(output).size, await evaluate(output), seconds, kilobytes / 1000);
  rmSync(output);
}

async function measurePeer(method: string): Promise<void> {
  const output = join(folder, 'peer.onnx');
  const told = join(folder, 'peer.json');
  await execa(process.env.PYTHON ?? 'python3', [
    ...[
      join(shared, 'peers/peer_methods.py'),
      '--task',
      task,
      '--method',
      method,
      '--model-out',
      output,
      '--out',
      told,
    ],
    ...['--calib', values.samples ?? text.samples],
  ]);
  const { bytes = 0, wall_s = 0, rss_mb = 0, error } = JSON.parse(readFileSync(told, 'utf8')) as PeerRow;
  if (error !== undefined) process.stdout.write(`| ${method}: ${error} | | | | | | |\n`);
  else tell(`${method}, now`, bytes, await evaluate(output), wall_s, rss_mb);
  rmSync(output, { force: true });
}

function evaluate(output: string): Promise<Evaluation> {
  return values.evaluator === 'dsopt' ? evaluateHere(output) : evaluateAsPeers(output);
}

async function evaluateAsPeers(output: string): Promise<Evaluation> {
  const result = join(folder, 'evaluation.json');
  await execa(process.env.PYTHON ?? 'python3', [
    join(shared, 'peers/peer_eval.py'),
    ...['--task', task, '--model', output, '--only', 'metric', '--work', join(folder, 'reference'), '--out', result],
    ...(values.windows ? ['--n', values.windows] : []),
  ]);
  return JSON.parse(readFileSync(result, 'utf8')) as Evaluation;
}

async function evaluateHere(output: string): Promise<Evaluation> {
  const model = join(shared, 'models/own', `${task}.onnx`);
  const samples = values.windows ?? text.compared;
  const { stdout } = await execa(process.execPath, [
    ...[join(repository, 'bin/dsopt.js'), 'eval', model, output, '--json', '--data', data(text.evaluation)],
    ...['--metric', text.metric, ...text.options, '--threads', '2', ...(samples ? ['--samples', samples] : [])],
  ]);
  const figures = (JSON.parse(stdout) as EvalReport).models[1];
  const fidelity = (name: string): number =>
    figures.fidelity.find((figure) => figure.name === name)?.value ?? Number.NaN;
  return { value: figures.metrics[0].value, kl: fidelity('kl'), agree_fp32: fidelity('agreement') };
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
