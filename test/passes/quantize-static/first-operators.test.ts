import { expect, it } from 'vitest';
import { costsMost } from '../../../passes/quantize-static/first-operators.js';
import type { StaticPlan } from '../../../passes/quantize-static/plan.js';
import { RoundedModel } from '../../../passes/quantize-static/rounded-model.js';
import { parseModel } from '../../../src/ir/index.js';
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
const plan: StaticPlan = {
  linears: [],
  elementwise: [a, b].map((value) => ({
    node: value.producer!,
    operands: [],
    activation: null,
    results: [value],
    keepsRange: false,
    direct: false,
  })),
};

function grid(step: number): QuantizationParameters {
  return { dataType: 'uint8', scale: Float32Array.of(step), zeroPoint: Int32Array.of(128), minimum: 0, maximum: 255 };
}

async function costs(first: number, others: number): Promise<boolean> {
  const grids = new Map([
    [a, grid(first)],
    [b, grid(others)],
  ]);
  const simulated = await RoundedModel.open(model, plan, { grids, wideGrids: new Map() }, new Map(), engine);
  const rounding = (value: typeof a) => ({ part: plan, only: new Set([value]) });
  const context = { samples: samplesFor(model) } as Partial<PassContext> as PassContext;
  try {
    return await costsMost(simulated, rounding(a), rounding(b), 4, context);
  } finally {
    await simulated.close();
  }
}

it('compares what rounding some values costs with what rounding the others does', async () => {
  expect(await costs(0.5, 0.05)).toBe(true);
  expect(await costs(0.05, 0.5)).toBe(false);
});
