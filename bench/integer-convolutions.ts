// What convolutions cost as integers and in float between integers, conversions included: a convolution between two of 1×1 (a first one in front of one),
// (every seventh place of it: outputs are handed over in float) quantized whole and with it left out, both and the float model timed in turns in one process. As onnxruntime-node computes them on this processor; what is
// slower is what passes/quantize-static/plan/slow-integers.ts leaves in float.
// node dist-bench/bench/integer-convolutions.js [THREADS]
import { quantizeStatic } from '../passes/quantize-static/index.js';
import { createOnnxRuntimeEngine, type Feeds } from '../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../src/ir/index.js';
import { createRandom, percentile } from '../src/numeric/index.js';
import { inlineWorkers } from '../src/parallel/index.js';
import { runPass } from '../src/pass/index.js';
import { float32Tensor } from '../src/tensor/index.js';

/** Channels in and out, groups, side of the kernel, stride, side of the map. */
type Shape = readonly [inputs: number, outputs: number, groups: number, kernel: number, stride: number, side: number];

const first: readonly Shape[] = [
  [1, 16, 1, 3, 1, 112],
  [3, 16, 1, 3, 2, 224],
  [3, 32, 1, 4, 4, 224],
  [3, 64, 1, 5, 1, 112],
  [8, 32, 1, 3, 1, 112],
  [3, 64, 1, 7, 2, 224],
  [3, 96, 1, 16, 16, 224],
];
const groups: readonly Shape[] = [
  ...([2, 4, 8, 16, 32] as const).map((width): Shape => [64, 64, 64 / width, 3, 1, 28]),
  [64, 128, 64, 3, 1, 28],
];
/** Channels, kernel, stride, map. */
const depthwise = [
  ...[8, 12, 16, 18, 20, 24, 30, 36, 64, 72, 100, 120, 128].map((channels) => [channels, 3, 1, 28] as const),
  ...[8, 16].map((channels) => [channels, 3, 1, 112] as const),
  ...[24, 40, 48, 64].map((channels) => [channels, 3, 1, 56] as const),
  ...[40, 48, 56, 88, 96, 120, 144, 200, 240].map((channels) => [channels, 3, 1, 14] as const),
  ...[40, 48, 72, 96, 120].map((channels) => [channels, 5, 1, 28] as const),
  ...[56, 64, 120, 128, 144, 240].map((channels) => [channels, 5, 1, 14] as const),
  ...[48, 96, 120, 240, 288].map((channels) => [channels, 5, 1, 7] as const),
].map(([channels, kernel, stride, side]): Shape => [channels, channels, channels, kernel, stride, side]);

const engine = createOnnxRuntimeEngine();
const threads = Number(process.argv[2] ?? 1);
const runs = 200;
process.stdout.write(
  '| convolution | float µs | integer | float between integers | of integer |\n| --- | --: | --: | --: | --: |\n',
);
for (const shape of first) await row(shape, true);
for (const shape of [...groups, ...depthwise]) await row(shape, false);

async function row(shape: Shape, isFirst: boolean): Promise<void> {
  const [inputs, outputs, count, kernel, stride, side] = shape;
  const model = modelOf(shape, isFirst);
  const random = createRandom(2);
  const channels = isFirst ? inputs : 32;
  const x = float32Tensor(
    [1, channels, side, side],
    Float32Array.from({ length: channels * side * side }, () => random.normal()),
  );
  const models = [model, await quantized(model, { x }, []), await quantized(model, { x }, ['tried'])];
  const sessions = await Promise.all(models.map((each) => engine.open(each, { threads })));
  const times = sessions.map((): number[] => []);
  for (let run = -10; run < runs; run++) {
    for (const [index, session] of sessions.entries()) {
      const start = performance.now();
      await session.run({ x });
      if (run >= 0) times[index].push(1000 * (performance.now() - start));
    }
  }
  for (const session of sessions) await session.close();
  const [float, integer, between] = times.map((own) => percentile(Float32Array.from(own), 50));
  const name = `${inputs} → ${outputs}, ${count} groups, ${kernel}×${kernel}/${stride}, ${side}×${side}${isFirst ? ', first' : ''}`;
  const cells = [float, integer, between].map((time) => time.toFixed(0));
  process.stdout.write(`| ${name} | ${cells.join(' | ')} | ${(between / integer).toFixed(2)} |\n`);
}

async function quantized(original: Model, feeds: Feeds, exclude: readonly string[]): Promise<Model> {
  const model = cloneModel(original);
  const samples = {
    async *[Symbol.asyncIterator]() {
      yield feeds;
    },
  };
  const { signal } = new AbortController();
  const options = { slowKernels: 'integer', edges: 'integer', minimumSize: 1, maxOutputError: 0, exclude };
  await runPass(model, quantizeStatic, options, { original, engine, workers: inlineWorkers, samples, signal, seed: 0 });
  return model;
}

function modelOf([inputs, outputs, count, kernel, stride, side]: Shape, isFirst: boolean): Model {
  const pads = kernel === stride ? 0 : kernel >> 1;
  const tried = `Conv <group = ${count}, strides = [${stride}, ${stride}], pads = [${pads}, ${pads}, ${pads}, ${pads}]>`;
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,${isFirst ? inputs : 32},${side},${side}] x, float[${inputs},32,1,1] w1, float[${outputs},${inputs / count},${kernel},${kernel}] w2, float[32,${outputs},1,1] w3)
  => (float[1,32,m,n] y) {
  ${isFirst ? '' : '[before] h1 = Conv (x, w1)\n  r1 = Relu (h1)'}
  [tried] h2 = ${tried} (${isFirst ? 'x' : 'r1'}, w2)
  r2 = Relu (h2)
  [behind] y = Conv <strides = [7, 7]> (r2, w3)
}`);
  const random = createRandom(1);
  for (const value of model.graph.inputs.filter(({ name }) => name.startsWith('w'))) {
    if (value.type?.kind !== 'tensor') continue;
    const lengths = value.type.shape!.map(Number);
    const size = lengths.reduce((product, length) => product * length, 1);
    const scale = 1 / Math.sqrt(size / lengths[0]);
    const values = Float32Array.from({ length: size }, () => random.normal() * scale);
    value.replaceAllUsesWith(model.graph.addInitializer(`${value.name}_values`, float32Tensor(lengths, values)));
    model.graph.removeInput(value);
  }
  return model;
}
