import { expect, it } from 'vitest';
import { clipWeights } from '../../../passes/clip-weights/index.js';
import { parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { runOnCopy } from '../../fixture-models.js';

/** Weights [K, N] of small numbers; channel 0 has one that is 4 times as large as the others. */
function model() {
  const parsed = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[32,64] x, float[64,16] w) => (float[32,16] y) {
  [m] y = MatMul (x, w)
}`);
  const random = createRandom(4);
  const values = Float32Array.from({ length: 64 * 16 }, () => random.next() - 0.5);
  values[5 * 16] = 1.2;
  const value = parsed.graph.inputs[1];
  value.replaceAllUsesWith(parsed.graph.addInitializer('w_values', float32Tensor([64, 16], values)));
  parsed.graph.removeInput(value);
  return { parsed, values };
}

it('cuts off what spoils the steps of its channel, and leaves others alone', async () => {
  const { parsed, values } = model();
  const { model: clipped, report } = await runOnCopy(parsed, clipWeights, { bits: 3 });
  expect(report.changed).toHaveLength(1);
  const [after] = [...clipped.graph.initializers].map(({ constant }) => constant!.readFloat32());
  expect(after[5 * 16]).toBeLessThan(1);
  const changed = (channel: number) => values.filter((value, i) => i % 16 === channel && value !== after[i]).length;
  expect(changed(0)).toBeGreaterThan(0);
  expect(changed(0)).toBeLessThan(8);
});

it('leaves eight bits alone, which lose nothing by range', async () => {
  const { parsed, values } = model();
  const { model: clipped } = await runOnCopy(parsed, clipWeights, { bits: 8 });
  const [after] = [...clipped.graph.initializers].map(({ constant }) => constant!.readFloat32());
  expect(Math.abs(after[5 * 16] - values[5 * 16])).toBeLessThan(0.2);
});
