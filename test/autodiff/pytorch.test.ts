// Gradients beside PyTorch's (torch 2.13: local_response_norm, tril, scaled_dot_product_attention, gelu), of Σ op(x) · w. Inputs are sines, rounded
// to four places.
import { expect, test } from 'vitest';
import { differentiate, GraphBuilder, specialize } from '../../src/autodiff/index.js';
import { parseModel } from '../../src/ir/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { engine } from '../fixture-models.js';

/** sin(1.3 i + phase). */
function sines(count: number, phase: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.round(1e4 * Math.sin(1.3 * i + phase)) / 1e4);
}

interface Case {
  readonly graph: string;
  readonly opset?: number;
  /** Of each input, in its order. */
  readonly phases?: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

const inputsOfAttention = '(float[1,3,4] q, float[1,3,4] k, float[1,3,4] v) => (float[1,3,4] y)';
const attention: Pick<Case, 'phases' | 'gradients'> = {
  phases: [0.1, 0.7, 1.9],
  gradients: [
    [
      -0.108416, -0.007683, 0.056744, 0.015538, -0.206585, -0.147839, 0.13166, 0.25875, -0.146384, -0.15843, 0.097306,
      0.268376,
    ],
    [
      0.127847, -0.112437, -0.18295, -0.05407, 0.129499, 0.18462, -0.099194, -0.212624, -0.257345, -0.072184, 0.282144,
      0.266694,
    ],
    [
      -0.032845, 0.516142, 0.273773, -0.303317, -0.279282, 0.514541, 0.573349, -0.200892, -0.754573, 0.241916, 0.900478,
      0.166609,
    ],
  ],
};
const causalAttention: Pick<Case, 'phases' | 'gradients'> = {
  phases: [0.1, 0.7, 1.9],
  gradients: [
    [0, 0, 0, 0, -0.119397, -0.013557, 0.106605, 0.069925, -0.146384, -0.15843, 0.097306, 0.268376],
    [
      0.138524, -0.004275, -0.15077, -0.099655, 0.001829, 0.11492, 0.040809, -0.109091, -0.140353, -0.110645, 0.109961,
      0.208747,
    ],
    [
      0.151477, 1.163982, 0.4311, -0.903822, -0.610346, 0.327349, 0.844353, 0.10318, -0.607831, -0.218731, 0.472147,
      0.463043,
    ],
  ],
};

const cases: Readonly<Record<string, Case>> = {
  LRN: {
    graph: '(float[1,4,1,2] x) => (float[1,4,1,2] y) { y = LRN <size = 3, alpha = 0.9, beta = 0.75, bias = 1.5> (x) }',
    gradients: [[0.340222, 0.377594, -0.005617, -0.40609, -0.155533, 0.421038, 0.353904, -0.130211]],
  },
  'Trilu of a square': {
    graph: '(float[3,3] x) => (float[3,3] y) <int64 k = {1}> { t = Trilu <upper = 0> (x, k) y = Mul (t, t) }',
    gradients: [[0, 1.876707, 0, 1.309021, 0.973087, 0.282641, 1.801693, -0.111238, 1.647984]],
  },
  MultiHeadAttention: {
    graph: `${inputsOfAttention} { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v) }`,
    ...attention,
  },
  'MultiHeadAttention, causal': {
    graph: `${inputsOfAttention} { y = com.microsoft.MultiHeadAttention <num_heads = 2, unidirectional = 1> (q, k, v) }`,
    ...causalAttention,
  },
  Attention: {
    graph: `${inputsOfAttention} { y = Attention <q_num_heads = 2, kv_num_heads = 2> (q, k, v) }`,
    opset: 23,
    ...attention,
  },
  'Attention, causal': {
    graph: `${inputsOfAttention} { y = Attention <q_num_heads = 2, kv_num_heads = 2, is_causal = 1> (q, k, v) }`,
    opset: 23,
    ...causalAttention,
  },
  Gelu: {
    graph: '(float[6] x) => (float[6] y) { y = Gelu (x) }',
    opset: 20,
    gradients: [[0.2397, 1.045884, 0.036482, -0.027782, 0.027583, 0.439537]],
  },
  'Gelu by tanh': {
    graph: '(float[6] x) => (float[6] y) { y = Gelu <approximate = "tanh"> (x) }',
    opset: 20,
    gradients: [[0.2397, 1.045538, 0.036476, -0.028019, 0.027393, 0.439528]],
  },
  'com.microsoft Gelu': {
    graph: '(float[6] x) => (float[6] y) { y = com.microsoft.Gelu (x) }',
    gradients: [[0.2397, 1.045884, 0.036482, -0.027782, 0.027583, 0.439537]],
  },
  QuickGelu: {
    graph: '(float[6] x) => (float[6] y) { y = com.microsoft.QuickGelu <alpha = 1.702> (x) }',
    gradients: [[0.2397, 1.032906, 0.036953, -0.023993, 0.023059, 0.44613]],
  },
};

test.each(Object.entries(cases))('%s', async (_, { graph: text, opset = 18, phases = [0], gradients }) => {
  const model = parseModel(`<ir_version: 8, opset_import: ["": ${opset}, "com.microsoft": 1]> g ${text}`);
  const feeds = Object.fromEntries(
    model.graph.inputs.map(({ name, type }, index) => {
      const shape = (type?.kind === 'tensor' ? type.shape : null) as readonly number[];
      const size = shape.reduce((product, length) => product * length, 1);
      return [name, float32Tensor(shape, sines(size, phases[index]))];
    }),
  );
  const { model: written, shapes } = await specialize(model, feeds, new Set(), engine);
  const { graph } = written;
  const builder = new GraphBuilder(graph, shapes);
  const [output] = graph.outputs;
  const shape = builder.shapeOf(output);
  const size = shape.reduce((product, length) => product * length, 1);
  const upstream = builder.constant(float32Tensor(shape, sines(size, 0.5)));
  const sources = [...graph.inputs];
  const found = differentiate(builder, new Map([[output, upstream]]), sources);
  const names = sources.map((source) => {
    const value = builder.unary('Identity', found.get(source)!);
    graph.addOutput(value);
    return value.name;
  });
  const session = await engine.open(written);
  const results = await session.run(feeds);
  await session.close();
  for (const [index, name] of names.entries()) {
    for (const [i, value] of results[name].readNumbers().entries()) expect(value).toBeCloseTo(gradients[index][i], 5);
  }
});
