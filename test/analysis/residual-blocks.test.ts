// Where residual blocks begin and end, by structure.
import { expect, test } from 'vitest';
import { findResidualBlocks, removeBlocks } from '../../src/analysis/index.js';
import { cloneModel, parseModel, verifyModel } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { int64Tensor, MemoryTensor } from '../../src/tensor/index.js';
import { engine, fixturePath, outputsOf } from '../fixture-models.js';
import { randomModel } from './channel-groups/removal.js';

const header = '<ir_version: 10, opset_import: ["" : 17]>';

/** Layers with a norm behind each sum, as in BERT, or before each branch, as in GPT. */
function transformer(layers: number, norm: 'post' | 'pre'): string {
  const weights: string[] = ['float[8] g = {1,1,1,1,1,1,1,1}', 'float root = {2.0}'];
  const lines: string[] = [];
  let stream = 'x0';
  for (let i = 0; i < layers; i++) {
    const w = (name: string, shape: string): string => {
      weights.push(`float[${shape}] ${name}${i} = {...}`);
      return `${name}${i}`;
    };
    const h = norm === 'pre' ? `n${i}` : stream;
    if (norm === 'pre') lines.push(`n${i} = LayerNormalization (${stream}, g)`);
    lines.push(
      `q${i} = MatMul (${h}, ${w('wq', '8,8')}) k${i} = MatMul (${h}, ${w('wk', '8,8')}) v${i} = MatMul (${h}, ${w('wv', '8,8')})`,
      `kt${i} = Transpose <perm = [0,2,1]> (k${i}) s${i} = MatMul (q${i}, kt${i}) d${i} = Div (s${i}, root)`,
      `p${i} = Softmax <axis = -1> (d${i}) c${i} = MatMul (p${i}, v${i}) o${i} = MatMul (c${i}, ${w('wo', '8,8')})`,
      `r${i} = Add (o${i}, ${stream})`,
    );
    const m = norm === 'pre' ? `m${i}` : `a${i}`;
    lines.push(`${m} = LayerNormalization (r${i}, g)`);
    lines.push(
      `f${i} = MatMul (${m}, ${w('w1', '8,16')}) e${i} = Relu (f${i}) u${i} = MatMul (e${i}, ${w('w2', '16,8')})`,
    );
    lines.push(`t${i} = Add (u${i}, ${norm === 'pre' ? `r${i}` : m})`);
    stream = `t${i}`;
    if (norm === 'post') {
      lines.push(`b${i} = LayerNormalization (t${i}, g)`);
      stream = `b${i}`;
    }
  }
  weights.push('float[6,8] table = {...}', 'float[8,3] head = {...}');
  return `${header} graph (int64[n,s] ids) => (float[n,s,3] y) <${weights.join(', ')}> {
    x0 = Gather (table, ids) ${lines.join('\n')} y = MatMul (${stream}, head)
  }`;
}

test.each(['post', 'pre'] as const)(
  'a layer of a transformer is its attention and what follows, with the norm %s',
  async (norm) => {
    const model = randomModel(transformer(3, norm));
    const { blocks, kept } = await findResidualBlocks(model, engine);
    expect(blocks).toEqual([
      { from: 'x0', to: 't0' },
      { from: 't0', to: 't1' },
      { from: 't1', to: 't2' },
    ]);
    expect(kept.size).toBe(0);
  },
);

test('what is left out is what the model would be without it, and names stay with what they stand for', async () => {
  const model = randomModel(transformer(4, 'pre'));
  const { blocks } = await findResidualBlocks(model, engine);
  const gaps = removeBlocks(model, [blocks[1], blocks[2]]);
  verifyModel(model);
  expect(gaps.map(({ name, value }) => [name, value.name, value.producer?.inputs[0]?.name])).toEqual([
    ['t2', 't2', 'u0'],
  ]);
  const shorter = randomModel(transformer(2, 'pre'));
  const own = new Map([...model.graph.initializers].map((value) => [value.name, value.constant]));
  for (const value of shorter.graph.initializers) {
    value.constant = own.get(value.name.replace(/^(w[qkvo12])1$/, (_, name) => `${name}3`))!;
  }
  const feeds = { ids: int64Tensor([2, 3], [0, 1, 2, 3, 4, 5]) };
  expect(Buffer.compare((await outputsOf(model, feeds)).y.bytes(), (await outputsOf(shorter, feeds)).y.bytes())).toBe(
    0,
  );
});

test('rotary embeddings and polynomials are no branches', async () => {
  const model =
    randomModel(`${header} graph (float[n,8] x) => (float[n,8] y) <float[8,8] w = {...}, float[8] c = {...}, float[8] s = {...}, float k = {0.04}> {
    q = MatMul (x, w) n = Neg (q) a = Mul (q, c) b = Mul (n, s) r = Add (a, b)
    z = Mul (r, r) z3 = Mul (z, k) y = Add (r, z3)
  }`);
  expect(await findResidualBlocks(model, engine)).toEqual({ blocks: [], kept: new Map() });
});

test('blocks of a residual CNN, and why others stay', async () => {
  const model = await loadModel(fixturePath('resnet20_cifar10.onnx'));
  const { blocks, kept } = await findResidualBlocks(cloneModel(model), engine);
  expect(blocks).toHaveLength(7);
  expect([...kept.values()]).toEqual([
    'it changes the shape, ?×16×32×32 → ?×32×16×16',
    'it changes the shape, ?×32×16×16 → ?×64×8×8',
  ]);
});

test('layers of products of integers are layers too, whether their weights are stored or decoded', async () => {
  const product = (name: string, input: string, weight: string): string => `
    ${name}_q, ${name}_s, ${name}_z = DynamicQuantizeLinear (${input})
    ${name}_i = MatMulInteger (${name}_q, ${weight}, ${name}_z)
    ${name}_f = Cast <to = 1> (${name}_i)
    ${name} = Mul (${name}_f, ${name}_s)`;
  const model = parseModel(
    `<ir_version: 10, opset_import: ["" : 18]> graph (float[n,8] x) => (float[n,8] y)
    <uint8[8,8] w0 = {...}, uint8[8,8] w1 = {...}, uint8[8,8] w2 = {...}, uint8[8,8] w3 = {...}, uint8 seven = {7}> {
    d2 = BitwiseAnd (w2, seven)
    ${product('a', 'x', 'w0')}
    ${product('b', 'a', 'w1')}
    t0 = Add (b, a)
    ${product('c', 't0', 'd2')}
    t1 = Add (t0, c)
    ${product('y', 't1', 'w3')}
  }`,
    {
      elided: (_name, _type, shape) =>
        new MemoryTensor(
          'uint8',
          shape,
          Uint8Array.from({ length: 64 }, (_, at) => (at * 37) % 251),
        ),
    },
  );
  const { blocks } = await findResidualBlocks(model, engine);
  expect(blocks).toEqual([
    { from: 'a', to: 't0' },
    { from: 't0', to: 't1' },
  ]);
});
