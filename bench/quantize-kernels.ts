// Throughput of the range scan, QuantizeLinear and format conversions on one core, in MB of float32 per second.
// Run: npx tsc bench/quantize-kernels.ts --outDir /tmp/bench --rootDir . --target ES2022 --lib ES2023 --module NodeNext
//      --skipLibCheck --types node && echo '{"type":"module"}' > /tmp/bench/package.json && node /tmp/bench/bench/quantize-kernels.js

import { createRandom, float16ToFloat32Array, float32ToFloat16Array } from '../src/numeric/index.js';
import {
  canSaturate,
  computeParameters,
  createQuantizedArray,
  createRanges,
  dequantizeRange,
  type Granularity,
  layoutOf,
  quantizeRange,
  scanRange,
} from '../src/quantization/index.js';

const rows = 1024;
const columns = 1024;
const random = createRandom(1);
const weights = new Float32Array(rows * columns);
for (let i = 0; i < weights.length; i++) weights[i] = random.next() + random.next() + random.next() - 1.5;

const cases: readonly { name: string; shape: readonly number[]; granularity: Granularity }[] = [
  { name: 'tensor', shape: [rows, columns], granularity: { kind: 'tensor' } },
  { name: 'channel, axis first', shape: [rows, columns], granularity: { kind: 'channel', axis: 0 } },
  { name: 'channel, axis last', shape: [rows, columns], granularity: { kind: 'channel', axis: 1 } },
  { name: 'channel, 3x3 depthwise', shape: [(rows * columns) / 8, 8], granularity: { kind: 'channel', axis: 0 } },
  { name: 'block 32, axis last', shape: [rows, columns], granularity: { kind: 'block', axis: 1, blockSize: 32 } },
  { name: 'block 32, axis first', shape: [rows, columns], granularity: { kind: 'block', axis: 0, blockSize: 32 } },
];

for (const dataType of ['int8', 'uint8', 'int16'] as const) {
  for (const { name, shape, granularity } of cases) {
    const layout = layoutOf(shape, granularity);
    const ranges = createRanges(layout);
    const output = createQuantizedArray(dataType, weights.length);
    const back = new Float32Array(weights.length);
    const scan = measure(() => scanRange(weights, 0, layout, ranges));
    const parameters = computeParameters(ranges, { dataType, symmetric: dataType !== 'uint8', granularity });
    const quantize = measure(() => quantizeRange(weights, 0, layout, parameters, output));
    const dequantize = measure(() => dequantizeRange(output, 0, layout, parameters, back));
    print(`${dataType}, ${name}`, `scan ${scan}  quantize ${quantize}  dequantize ${dequantize}`);
    if (output instanceof Int8Array && granularity.kind !== 'block') {
      const sums = measure(() => canSaturate(output, { k: rows, n: columns, maximumActivation: 1 }), 1);
      const any = measure(() => canSaturate(output, { k: rows, n: columns, maximumActivation: 1, pairing: 'any' }), 1);
      print('  overflow proof, of int8', `adjacent ${sums}  any ${any}`);
    }
  }
}
const halves = new Uint16Array(weights.length);
print('float16', `encode ${measure(() => float32ToFloat16Array(weights, halves))}`);
print('float16', `decode ${measure(() => float16ToFloat32Array(halves, weights))}`);

/** MB/s of the best of thirty runs over all weights, of `bytes` per element. */
function measure(work: () => void, bytes = 4): string {
  let best = Infinity;
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return Math.round((weights.length * bytes) / 1e3 / best)
    .toString()
    .padStart(5);
}

function print(name: string, figures: string): void {
  process.stdout.write(`${name.padEnd(32)} ${figures} MB/s\n`);
}
