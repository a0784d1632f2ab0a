// Finds out what onnxruntime-node and onnxruntime-web compute with integers, version by version, by running one-node models, and writes what
// it finds as the table that passes place Quantize and Dequantize by.
// node dist-bench/bench/probe-runtimes/probe-runtimes.js src/quantization/runtime/runtime-table.ts node@1.20.1=FOLDER web@1.20.1=FOLDER …; a folder holds
// node_modules (npm install --ignore-scripts onnxruntime-node@1.20.1), the oldest version of each goes first.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { parseModel } from '../../src/ir/index.js';
import { encodeToBytes } from '../../src/onnx/index.js';
import { activationTypes, probeCases } from './cases.js';

interface Outcome {
  readonly reason?: string;
  readonly values?: readonly number[];
  readonly kernels?: readonly { readonly operator: string; readonly types: readonly string[] }[] | null;
}

const conversions: ReadonlySet<string> = new Set(['QuantizeLinear', 'DequantizeLinear']);
const cases = probeCases();
const [output, ...runtimes] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'dsopt-probe-'));
const models = join(folder, 'models');
mkdirSync(models);
for (const [index, { name, text }] of cases.entries()) {
  try {
    writeFileSync(join(models, `${String(index).padStart(4, '0')}.onnx`), encodeToBytes(parseModel(text)));
  } catch (cause) {
    throw new Error(`${name}:\n${text}`, { cause });
  }
}
const found: Record<string, string[]> = {};
for (const runtime of runtimes) {
  const [label, package_] = runtime.split('=');
  const outcomes = await probeRuntime(label.split('@')[0], package_);
  found[label] = [];
  for (const [index, outcome] of outcomes.entries()) found[label].push(judge(index, outcome));
}
writeFileSync(output, table());
for (const [index, { name }] of cases.entries()) {
  process.stdout.write(
    `${name}: ${Object.entries(found)
      .map(([label, all]) => `${label} ${all[index]}`)
      .join(' | ')}\n`,
  );
}
rmSync(folder, { recursive: true, force: true });

/** A native crash costs the probe that caused it only. */
async function probeRuntime(kind: string, path: string): Promise<Outcome[]> {
  const worker = fileURLToPath(new URL('worker.js', import.meta.url));
  const entry = createRequire(join(path, 'package.json')).resolve(`onnxruntime-${kind}`);
  const outcomes: Outcome[] = [];
  while (outcomes.length < cases.length) {
    const { stdout, stderr } = await execa(process.execPath, [worker, kind, entry, models, String(outcomes.length)], {
      reject: false,
    });
    const before = outcomes.length;
    for (const line of stdout.split('\n')) if (line.startsWith('{')) outcomes.push(JSON.parse(line) as Outcome);
    if (outcomes.length < cases.length) outcomes.push({ reason: `it crashed ${stderr.slice(0, 200)}` });
    if (outcomes.length === before) throw new Error(stderr);
  }
  return outcomes;
}

/** `integer` where a kernel other than conversions took integers, `float` where none did, `runs` where the runtime does not tell. */
function judge(index: number, { reason, kernels }: Outcome): string {
  if (reason !== undefined) return `fails: ${reason.replaceAll('\n', ' ').slice(0, 150)}`;
  if (!kernels) return 'runs';
  const type = activationTypes.find((candidate) => cases[index].name.split(' ').includes(candidate)) ?? '';
  const integer = kernels.some(({ operator, types }) => !conversions.has(operator) && types.includes(type));
  const shrunk = kernels.every(({ operator }) => conversions.has(operator));
  return `${integer || shrunk ? 'integer' : 'float'} ${kernels.map(({ operator }) => operator).join(' ')}`;
}

/** The module: by probe, the first version of each runtime that runs it, and whether the newest ones compute integers. */
function table(): string {
  const rows = cases.map(({ name }, index) => {
    const since = (kind: string): string => {
      const own = Object.keys(found).filter((label) => label.startsWith(kind));
      const first = own.find((label) => !found[label][index].startsWith('fails'));
      return first ? `'${first.split('@')[1]}'` : 'null';
    };
    const newest = Object.keys(found)
      .filter((label) => label.startsWith('node'))
      .at(-1);
    const integer = newest !== undefined && found[newest][index].startsWith('integer');
    const row = `${since('node')}, ${since('web')}, ${integer}`;
    return row.startsWith('null, null') ? '' : `  '${name}': [${row}],\n`;
  });
  return `// Written by bench/probe-runtimes: what onnxruntime-node (first) and onnxruntime-web run since which of the versions that were tried, and whether the
// newest computes it with integers. \`qdq\`: an operator between DequantizeLinear and QuantizeLinear; \`op\`: one that takes integers; then types of
// activations and weights. What nothing runs is left out.
export const runtimeTable: Readonly<Record<string, readonly [node: string | null, web: string | null, integer: boolean]>> = {
${rows.join('')}};
`;
}
