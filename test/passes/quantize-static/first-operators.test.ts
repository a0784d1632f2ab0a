import { expect, it } from 'vitest';
import { costsMost } from '../../../passes/quantize-static/first-operators.js';
import { parseModel, type Value } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import type { QuantizationParameters } from '../../../src/quantization/index.js';
import { engine, samplesFor } from '../../fixture-models.js';

const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,64] x) => (float[1,64] y) {
  a = Tanh (x)
  b = Neg (x)
  y = Add (a, b)
}`);
const [a, b] = [...model.graph.nodes()].map(({ output }) => output);

function grid(step: number): QuantizationParameters {
  return { dataType: 'uint8', scale: Float32Array.of(step), zeroPoint: Int32Array.of(128), minimum: 0, maximum: 255 };
}

function costs(first: readonly [Value, number], others: readonly [Value, number]): Promise<boolean> {
  const gridsOf = ([value, step]: readonly [Value, number]) => new Map([[value, grid(step)]]);
  return costsMost(model, gridsOf(first), gridsOf(others), 4, { engine, samples: samplesFor(model) } as PassContext);
}

it('compares what rounding some values costs with what rounding the others does', async () => {
  expect(await costs([a, 0.5], [b, 0.05])).toBe(true);
  expect(await costs([a, 0.05], [b, 0.5])).toBe(false);
});
