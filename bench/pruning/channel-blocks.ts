// How the time of two 3×3 convolutions in a residual block depends on the channels between them: onnxruntime computes convolutions in blocks of
// channels. One row a width of the stream; each number is the share of the time with as many channels between as around.
//   npm run build && npx tsc -p tsconfig.bench.json && node dist-bench/bench/pruning/channel-blocks.js [BATCH]
import { createOnnxRuntimeEngine, type Session } from '../../src/engine/index.js';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor, sizeOf } from '../../src/tensor/index.js';

const engine = createOnnxRuntimeEngine();
const batch = Number(process.argv[2] ?? 1);
const blocks = 6;
const rounds = 60;
for (const [channels, size] of [
  [16, 32],
  [32, 16],
  [64, 8],
]) {
  const inner = [4, 8, 12, 16, 17, 20, 24, 32, 40, 48, 56, 64].filter((count) => count <= channels);
  const input = { x: float32Tensor([batch, 3, size, size], new Float32Array(batch * 3 * size * size).fill(0.1)) };
  const sessions = new Map<number, Session>();
  for (const count of [0, ...inner])
    sessions.set(count, await engine.open(chain(channels, count, size), { threads: 1 }));
  const times = new Map<number, number[]>([...sessions.keys()].map((count) => [count, []]));
  // In turns, so that whatever else the machine does meets all of them.
  for (let round = 0; round < rounds; round++) {
    for (const [count, session] of sessions) {
      const start = performance.now();
      await session.run(input);
      times.get(count)!.push(performance.now() - start);
    }
  }
  const median = (count: number): number => times.get(count)!.sort((a, b) => a - b)[rounds / 2];
  const full = median(channels) - median(0);
  const shares = inner.map((count) => `${count}: ${((median(count) - median(0)) / full).toFixed(2)}`);
  console.log(
    `${channels} channels, ${size}×${size}: ${((1000 * full) / blocks).toFixed(0)} µs a block; ${shares.join('  ')}`,
  );
  for (const session of sessions.values()) await session.close();
}

/** A stem and residual blocks, whose inside is `inner` channels wide; without inside no blocks. */
function chain(channels: number, inner: number, size: number): Model {
  const weights = [`float[${channels},3,3,3] stem = {...}`];
  const nodes = ['s = Conv <pads = [1,1,1,1]> (x, stem)', 'r0 = Relu (s)'];
  for (let block = 0; inner > 0 && block < blocks; block++) {
    weights.push(
      `float[${inner},${channels},3,3] a${block} = {...}`,
      `float[${channels},${inner},3,3] b${block} = {...}`,
    );
    nodes.push(
      `p${block} = Conv <pads = [1,1,1,1]> (r${block}, a${block})`,
      `q${block} = Relu (p${block})`,
      `t${block} = Conv <pads = [1,1,1,1]> (q${block}, b${block})`,
      `u${block} = Add (t${block}, r${block})`,
      `r${block + 1} = Relu (u${block})`,
    );
  }
  const last = inner > 0 ? blocks : 0;
  const random = createRandom(1);
  return parseModel(
    `<ir_version: 8, opset_import: ["" : 17]> graph (float[n,3,${size},${size}] x) => (float[n,${channels},1,1] y)
    <${weights.join(', ')}> { ${nodes.join('\n')} y = GlobalAveragePool (r${last}) }`,
    {
      elided: (_name, _type, shape) =>
        float32Tensor(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, () => 0.05 * random.normal()),
        ),
    },
  );
}
