// The models whose training steps are measured: three of ../shared/models/own at the batch sizes of the notes, and a depthwise-separable net made here.
import { join } from 'node:path';
import type { Feeds } from '../src/engine/index.js';
import { type Model, parseModel } from '../src/ir/index.js';
import { createRandom } from '../src/numeric/index.js';
import { loadModel } from '../src/onnx/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../src/tensor/index.js';

export interface TransformerSize {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
  readonly vocabulary: number;
  readonly length: number;
  /** A language model; otherwise a classifier. */
  readonly causal: boolean;
}

export interface Subject {
  readonly name: string;
  readonly batch: number;
  /** For what is written by hand; null for images. */
  readonly transformer: TransformerSize | null;
  open(shared: string): Promise<{ readonly model: Model; readonly feeds: Feeds }>;
}

const random = createRandom(1);

const floats = (shape: readonly number[]): Tensor =>
  float32Tensor(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );
const tokens = (n: number, length: number): Tensor =>
  int64Tensor(
    [n, length],
    Array.from({ length: n * length }, () => random.int(8000)),
  );
const ones = (n: number, length: number): Tensor => int64Tensor([n, length], new Array<number>(n * length).fill(1));
const own = (shared: string, name: string): Promise<Model> => loadModel(join(shared, 'models', 'own', `${name}.onnx`));

/** Four depthwise-separable blocks (Howard et al. 2017) at 32 × 32. */
function depthwiseNet(): Model {
  const widths = [32, 64, 128, 128, 256];
  const weights: string[] = ['float[32,3,3,3] first = {@}', 'float[256,10] last = {@}'];
  const lines: string[] = ['h0 = Conv <pads = [1, 1, 1, 1]> (x, first)'];
  for (let i = 0; i < 4; i++) {
    const [from, to] = [widths[i], widths[i + 1]];
    weights.push(`float[${from},1,3,3] d${i} = {@}`, `float[${to},${from},1,1] p${i} = {@}`);
    lines.push(
      `a${i} = Conv <group = ${from}, pads = [1, 1, 1, 1]> (h${i}, d${i})`,
      `b${i} = Relu (a${i})`,
      `c${i} = Conv (b${i}, p${i})`,
      `h${i + 1} = Relu (c${i})`,
    );
  }
  const text =
    `<ir_version: 8, opset_import: ["": 17]> g (float[n,3,32,32] x) => (float[n,10] y) <${weights.join(', ')}> {
    ${lines.join('\n')}
    m = GlobalAveragePool (h4) f = Flatten (m) y = MatMul (f, last)
  }`.replaceAll('{@}', '{0}');
  const shapes = new Map(
    [...text.matchAll(/float\[([\d,]+)\] (\w+) =/g)].map(([, dims, name]) => [name, dims.split(',').map(Number)]),
  );
  const model = parseModel(text.replace(/float\[[\d,]+\] (\w+) = \{0\}/g, 'float[1] $1 = {0}'));
  for (const value of model.graph.initializers) {
    const shape = shapes.get(value.name)!;
    const scale = Math.sqrt(2 / shape.slice(1).reduce((a, b) => a * b, 1));
    value.constant = float32Tensor(
      shape,
      floats(shape)
        .readFloat32()
        .map((number) => scale * number),
    );
  }
  return model;
}

const small = { width: 256, heads: 8, inner: 1024, vocabulary: 8192, length: 64, layers: 12, causal: false };
const gpt = { width: 384, heads: 6, inner: 1536, vocabulary: 8192, length: 256, layers: 8, causal: true };

export const subjects: readonly Subject[] = [
  {
    name: 'resnet20',
    batch: 128,
    transformer: null,
    open: async (shared) => ({
      model: await own(shared, 'resnet20_cifar10'),
      feeds: { input: floats([128, 3, 32, 32]) },
    }),
  },
  {
    name: 'depthwise',
    batch: 64,
    transformer: null,
    open: async () => ({ model: depthwiseNet(), feeds: { x: floats([64, 3, 32, 32]) } }),
  },
  {
    name: 'bert',
    batch: 32,
    transformer: small,
    open: async (shared) => ({
      model: await own(shared, 'bert_sst2_12L'),
      feeds: { input_ids: tokens(32, 64), attention_mask: ones(32, 64) },
    }),
  },
  {
    name: 'gpt',
    batch: 4,
    transformer: gpt,
    open: async (shared) => ({ model: await own(shared, 'gpt_wikitext2'), feeds: { input_ids: tokens(4, 256) } }),
  },
];
