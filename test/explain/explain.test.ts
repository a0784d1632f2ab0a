import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { explain, loadModel, type Model, parseModel, saveModel } from '../../src/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { anyReport } from '../../src/report/schema/report-schema.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { runCli } from '../cli/run-cli.js';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder();
const layers = 5;
/** Its weight has outliers in every row and column, which leave few steps for everything else. */
const worst = 3;
let path: string;
let data: string;

/** A chain of products with residual connections; the names of nodes need quotes in a shell. */
function chain(): Model {
  const body = Array.from({ length: layers }, (_, i) => {
    const input = i === 0 ? 'x' : `h${i}`;
    return `p${i} = MatMul (${input}, w${i})\n a${i} = Tanh (p${i})\n h${i + 1} = Add (${input}, a${i})`;
  }).join('\n');
  const weights = Array.from({ length: layers }, (_, i) => `float[64, 64] w${i}`).join(', ');
  const text = `<ir_version: 8, opset_import: ["": 17]>
    chain (float[batch, 64] x, ${weights}, float[64, 4] head) => (float[batch, 4] logits) {
      ${body}
      logits = MatMul (h${layers}, head)
    }`;
  const model = parseModel(text);
  const random = createRandom(5);
  for (const input of [...model.graph.inputs].slice(1)) {
    if (input.type?.kind !== 'tensor') throw new TypeError();
    const shape = input.type.shape as number[];
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal() / 8);
    if (input.name === `w${worst}`) for (let i = 0; i < 64; i++) values[i * 64 + ((i * 7) % 64)] = 20;
    const weight = model.graph.addInitializer(`${input.name}_values`, float32Tensor(shape, values));
    input.replaceAllUsesWith(weight);
    model.graph.removeInput(input);
  }
  for (const [index, node] of [...model.graph.nodes()].entries()) node.name = `node ${index} ${node.opType}`;
  return model;
}

beforeAll(async () => {
  path = join(folder, 'chain.onnx');
  await saveModel(chain(), path);
  const random = createRandom(9);
  const count = 40;
  data = join(folder, 'data.npz');
  const x = {
    dataType: 'float32',
    shape: [count, 64],
    data: Float32Array.from({ length: count * 64 }, () => random.normal()),
  } as const;
  const labels = {
    dataType: 'int64',
    shape: [count],
    data: BigInt64Array.from({ length: count }, () => BigInt(random.int(4))),
  } as const;
  writeFileSync(data, npz({ x, labels }));
});

describe('explain', () => {
  test('ranks the node with outliers first, and keeping it helps', async () => {
    const report = await explain(await loadModel(path), { data });
    expect(anyReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(report.methods.map(({ bits }) => bits)).toEqual([8, 4]);
    expect(report.nodes).toHaveLength(layers + 1);
    expect(report.nodes[0].node).toBe(`node ${worst * 3} MatMul`);
    expect(report.nodes[0]).toMatchObject({ operator: 'MatMul', bytes: 64 * 64 * 4, macs: 64 * 64 });
    const [{ keep, all, rest, exclude, measure }] = report.methods;
    expect(measure).toBe('kl');
    expect(keep[0]).toBe(report.nodes[0].node);
    expect(exclude).toContain(`--exclude 'node ${worst * 3} MatMul'`);
    const kl = (effect: typeof all) => effect!.fidelity.find(({ name }) => name === 'kl')!.value!;
    expect(kl(rest)).toBeLessThan(kl(all) / 2);
    const quantized = report.nodes.filter(({ effects }) => effects[0].effect);
    // The head has too few elements.
    expect(quantized).toHaveLength(layers);
    const shares = quantized.map(({ effects }) => effects[0].share!);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 6);
    expect(report.original[0]).toMatchObject({ name: 'accuracy' });
    expect(quantized.every(({ fisher }) => fisher !== null && fisher > 0)).toBe(true);
    // Fewer bits are worse for every node.
    for (const { effects } of quantized) {
      expect(effects[1].effect!.ownSqnr!).toBeLessThan(effects[0].effect!.ownSqnr!);
    }
  });

  test('few bits are what quantize-weights stores, and rounded weights where it stores none', async () => {
    const convolution = parseModel(`<ir_version: 8, opset_import: ["": 17]>
      both (float[n, 32, 4] x) => (float[n, 32, 4] y, float[n, 64] z)
      <float[32, 32, 3] k = {${Array.from({ length: 3072 }, (_, i) => Math.sin(i))}},
       float[128, 64] w = {${Array.from({ length: 8192 }, (_, i) => Math.cos(i))}}, int64[2] s = {-1, 128}> {
        y = Conv <pads = [1, 1]> (x, k)
        r = Reshape (x, s)
        z = MatMul (r, w)
      }`);
    const { nodes, methods } = await explain(convolution, { bits: [4] });
    expect(methods[0].description).toContain('weight-only');
    const own = Object.fromEntries(nodes.map(({ operator, effects }) => [operator, effects[0].effect!.ownSqnr!]));
    expect(own.Conv).toBeGreaterThan(17);
    expect(own.MatMul).toBeGreaterThan(17);
    expect(nodes.map(({ operator }) => operator).sort()).toEqual(['Conv', 'MatMul']);
  });

  test('the keep-list is one that quantize takes', async () => {
    const { methods } = await explain(await loadModel(path), { bits: [8], dataOptions: { samples: 2 } });
    const args = [...methods[0].exclude.matchAll(/--exclude (?:'([^']*)'|(\S+))/g)].flatMap(([, a, b]) => [
      '--exclude',
      a ?? b,
    ]);
    expect(args.length).toBeGreaterThan(0);
    const { code, stdout } = await runCli([
      'quantize',
      path,
      '-o',
      join(folder, 'q.onnx'),
      '--json',
      '--dry-run',
      ...args,
    ]);
    expect(code).toBe(0);
    const { skipped } = JSON.parse(stdout).passes.find(({ pass }: { pass: string }) => pass === 'quantize-dynamic');
    expect(skipped).toContainEqual({ target: `node ${worst * 3} MatMul`, reason: 'excluded' });
  });
});

describe('the command', () => {
  test('prints a table, and options to paste last', async () => {
    const { code, stdout } = await runCli([
      'explain',
      path,
      '--data',
      data,
      '--bits',
      '8',
      '--top',
      '2',
      '--samples',
      '8',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('5 nodes that can be quantized');
    expect(stdout).toContain('… and 3 more');
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^ {2}--exclude 'node 9 MatMul'/);
  });

  test('two runs differ in their timing only', async () => {
    const run = async () => JSON.parse((await runCli(['explain', path, '--json', '--seed', '4'])).stdout);
    const [first, second] = [await run(), await run()];
    expect({ ...first, timing: null }).toEqual({ ...second, timing: null });
    expect(first.data.path).toBeNull();
    expect(first.timing.nodes).toHaveLength(layers + 1);
  });

  test('--resume goes on from what was measured, as long as nothing changed', async () => {
    const measured = join(folder, 'resumed.onnx');
    writeFileSync(measured, readFileSync(path));
    const cache = join(folder, '.resumed.onnx.explain-cache.json');
    const args = ['explain', measured, '--bits', '8', '--json', '--samples', '2', '--resume'];
    const first = JSON.parse((await runCli(args)).stdout);
    expect(existsSync(cache)).toBe(true);
    const text = readFileSync(cache, 'utf8');
    // What is in the file is believed, under the key of the same contents only.
    const marked = text.replace(/"ownSqnr":\d[\d.]*/, '"ownSqnr":1234.5');
    writeFileSync(cache, marked);
    const again = (await runCli(args)).stdout;
    expect(again).toContain('1234.5');
    const otherSeed = (await runCli([...args, '--seed', '1'])).stdout;
    expect(otherSeed).not.toContain('1234.5');
    expect(JSON.parse(again).methods).toEqual(first.methods);
  });

  test.each([
    [[], 'Nothing was written'],
    [['--resume'], 'the same command goes on from there'],
  ])('Ctrl-C ends it with %j', async (flags, hint) => {
    const { code, stderr } = await runCli(['explain', path, ...flags], {
      onLog: (text, interrupt) => text.includes('quantizing') && interrupt(),
    });
    expect(code).toBe(130);
    expect(stderr).toContain(hint);
  });

  test.each([
    [['--bits', '9'], 'Bits are 2 to 8'],
    [['--metric', 'nonsense', '--data', 'DATA'], 'There is no metric nonsense'],
    [['--output-name', 'nonsense'], 'has no output nonsense'],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await runCli(['explain', path, ...args.map((word) => (word === 'DATA' ? data : word))]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
