// Examples a second of training steps (forward, backward, optimizer) by onnxruntime and other backends, for models given or made here: ResNet-20 at batch 128, a depthwise
// net, a transformer. With --python PYTHON (that has torch) the ResNet is timed in PyTorch too, in turns. Prints a table and, with --json FILE, the figures.
//   node dist-bench/bench/training-throughput.js [--backend onnxruntime --backend webgpu] [--autograd] [--threads 2] [--steps 5] [--rounds 3] [--python PYTHON] [--shared FOLDER] [--json FILE]
// --autograd: ResNet-20 by TensorFlow.js's own differentiation too, on each of its backends. Nothing is downloaded. To run it elsewhere carry dist-bench/, package.json and node_modules/onnxruntime-node, onnxruntime-common, protobufjs, long, zod and
// piscina, and the models named below in FOLDER/models/own (resnet20_cifar10.onnx, bert_sst2_12L.onnx, gpt_wikitext2.onnx); those that are not there are left out.
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createOnnxRuntimeEngine, type Feeds, type TfjsBackend, tfjsBackends } from '../src/engine/index.js';
import { type Model, parseModel } from '../src/ir/index.js';
import { createRandom } from '../src/numeric/index.js';
import { loadModel } from '../src/onnx/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../src/tensor/index.js';
import { openTrainingStep, type TrainingBackend, type TrainingStep, trainingBackends } from '../src/training/index.js';
import { openAutogradStep } from './tfjs-autograd.js';

const { values } = parseArgs({
  options: {
    backend: { type: 'string', multiple: true, default: ['onnxruntime'] },
    autograd: { type: 'boolean', default: false },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    python: { type: 'string' },
    shared: { type: 'string', default: '../shared' },
    json: { type: 'string' },
  },
});
const threads = Number(values.threads);
const steps = Number(values.steps);
const engine = createOnnxRuntimeEngine({ threads });
const random = createRandom(1);

interface Subject {
  readonly name: string;
  readonly batch: number;
  readonly model: Model;
  readonly feeds: Feeds;
}

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

async function subjects(): Promise<Subject[]> {
  const own = (name: string): string => join(values.shared, 'models', 'own', `${name}.onnx`);
  const list: Subject[] = [
    { name: 'depthwise net', batch: 64, model: depthwiseNet(), feeds: { x: floats([64, 3, 32, 32]) } },
  ];
  const add = async (name: string, batch: number, feeds: Feeds): Promise<void> => {
    if (existsSync(own(name))) list.push({ name, batch, model: await loadModel(own(name)), feeds });
  };
  await add('resnet20_cifar10', 128, { input: floats([128, 3, 32, 32]) });
  await add('bert_sst2_12L', 32, { input_ids: tokens(32, 64), attention_mask: ones(32, 64) });
  await add('gpt_wikitext2', 4, { input_ids: tokens(4, 256) });
  return list;
}

const torchResnet = `
import sys, time, torch, torch.nn as nn, torch.nn.functional as F
threads, steps, layout = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
class B(nn.Module):
    def __init__(s, i, o, st):
        super().__init__(); s.a = nn.Conv2d(i, o, 3, st, 1); s.b = nn.Conv2d(o, o, 3, 1, 1); s.s = nn.Conv2d(i, o, 1, st) if i != o else nn.Identity()
    def forward(s, x): return F.relu(s.b(F.relu(s.a(x))) + s.s(x))
blocks = [B(16,16,1)]*0; w = 16
for o in (16, 32, 64):
    for k in range(3): blocks.append(B(w, o, 2 if k == 0 and o != 16 else 1)); w = o
m = nn.Sequential(nn.Conv2d(3,16,3,1,1), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64,10))
x = torch.randn(128,3,32,32)
if layout == 'last': m = m.to(memory_format=torch.channels_last); x = x.to(memory_format=torch.channels_last)
opt = torch.optim.AdamW(m.parameters()); y = torch.randint(0,10,(128,))
def step(): opt.zero_grad(); F.cross_entropy(m(x), y).backward(); opt.step()
step(); t = time.time()
for _ in range(steps): step()
print((time.time()-t)/steps*1000)
`;

function timeTorch(layout: string): number {
  const args = ['-c', torchResnet, `${threads}`, `${steps}`, layout];
  return Number(execFileSync(values.python!, args, { encoding: 'utf8' }).trim());
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1];
interface Prepared {
  readonly name: string;
  readonly batch: number;
  readonly step: TrainingStep;
  readonly milliseconds: number[];
}

const prepared: Prepared[] = [];
const backends = values.backend.filter((name): name is TrainingBackend =>
  trainingBackends.some((known) => known === name),
);
for (const { name, batch, model, feeds } of await subjects()) {
  for (const backend of backends) {
    const step = await openTrainingStep(model, feeds, { engine, backend, threads });
    prepared.push({ name: `${name}, ${backend}`, batch, step, milliseconds: [] });
  }
}
if (values.autograd) {
  for (const backend of backends.filter((name): name is TfjsBackend => tfjsBackends.some((known) => known === name))) {
    const run = await openAutogradStep(backend, 128);
    const name = `ResNet-20, ${backend}, TensorFlow.js's own gradients`;
    prepared.push({ name, batch: 128, step: { run, async close() {} }, milliseconds: [] });
  }
}
const torch = new Map<string, number[]>();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { step, milliseconds } of prepared) {
    if (round === 0) await step.run();
    const start = performance.now();
    for (let i = 0; i < steps; i++) await step.run();
    milliseconds.push((performance.now() - start) / steps);
  }
  if (values.python === undefined) continue;
  for (const layout of ['first', 'last']) torch.set(layout, [...(torch.get(layout) ?? []), timeTorch(layout)]);
}
const rows = [
  ...prepared.map(({ name, batch, milliseconds }) => ({ name, batch, milliseconds: median(milliseconds) })),
  ...[...torch].map(([layout, list]) => ({
    name: `ResNet-20, PyTorch, channels ${layout}`,
    batch: 128,
    milliseconds: median(list),
  })),
];
process.stdout.write('| model, backend | batch | ms a step | examples/s |\n| --- | --: | --: | --: |\n');
for (const { name, batch, milliseconds } of rows) {
  process.stdout.write(
    `| ${name} | ${batch} | ${milliseconds.toFixed(0)} | ${((1000 * batch) / milliseconds).toFixed(1)} |\n`,
  );
}
process.stdout.write(
  `${threads} threads, median of ${values.rounds} rounds of ${steps} steps in turns; peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB for all\n`,
);
if (values.json) writeFileSync(values.json, JSON.stringify(rows, null, 2));
for (const { step } of prepared) await step.close();
