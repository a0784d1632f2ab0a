// Writes the plan into the graph as QuantizeLinear and DequantizeLinear, placed so that onnxruntime finds an integer kernel for each node.
import type { Model, Node, Use, Value } from '../../../src/ir/index.js';
import {
  QdqInserter,
  type QuantizationParameters,
  type RuntimeTarget,
  type ValueRanges,
} from '../../../src/quantization/index.js';
import { bypass } from '../../../src/rewrite/index.js';
import type { Options } from '../options.js';
import { knownGrid } from '../plan/known-grids.js';
import { integerResults, type PlannedLinear, quantizedValues, type StaticPlan } from '../plan/plan.js';
import { knowsWhole, wholeActivation, writeWhole } from '../plan/whole-activation.js';
import type { PackedMatrix } from '../weights/pack-matrices.js';
import type { RoundedConvolution } from '../weights/round-weights.js';
import { replaceHardActivation, takeIntegers } from './emit-elementwise.js';
import { emitLinear } from './emit-linear.js';
import { isFusedWithActivation, isPulledIn } from './float-boundary.js';
import { addSecondPass } from './two-pass.js';

export interface Emission {
  readonly plan: StaticPlan;
  /** Grids of the values that no other value gives its own. */
  readonly grids: ReadonlyMap<Value, QuantizationParameters>;
  /** See two-pass.ts. */
  readonly twoPass: ReadonlySet<Value>;
  readonly rounded: ReadonlyMap<PlannedLinear, RoundedConvolution>;
  /** Matrices in four bits. */
  readonly packed: ReadonlyMap<PlannedLinear, PackedMatrix>;
  /** Of the weights of matrix products. */
  readonly weightRanges: ReadonlyMap<PlannedLinear, ValueRanges>;
  readonly options: Options;
  readonly target: RuntimeTarget;
}

export function emit(model: Model, emission: Emission): void {
  const { plan, grids } = emission;
  const roots = quantizedValues(plan);
  const integers = integerResults(plan);
  const gridOf = (value: Value): QuantizationParameters => grids.get(roots.get(value)!)!;
  const isOnnxruntime = emission.target.runtime !== 'generic';
  const pulledIn = new Set(isOnnxruntime ? [...roots.keys()].filter((value) => isPulledIn(value, integers)) : []);
  const inserter = new QdqInserter(model, emission.options.activationType);
  const operands = new Map<Value, Use[]>();
  const takes = (value: Value, use: Use | null): void => {
    if (use) operands.set(value, [...(operands.get(value) ?? []), use]);
  };
  const twice = new Map<PlannedLinear, Node>();
  for (const linear of plan.linears) {
    const grid = gridOf(linear.operator.input);
    const node = emitLinear(model, linear, grid, inserter, emission);
    takes(linear.operator.input, node.useAt(linear.operator.inputIndex));
    if (isOnnxruntime && isFusedWithActivation(node, roots)) inserter.keepApart(node.output);
    if (linear.operator.kind === 'matrix' && emission.twoPass.has(linear.operator.input)) twice.set(linear, node);
  }
  for (const { node, operands: values } of plan.elementwise) {
    for (const [index, value] of values.entries()) takes(value, node.useAt(index));
  }
  // A range that ends at zero does what the activation did.
  const exact = new Map<Value, Value>();
  for (const { activation } of [...plan.linears, ...plan.elementwise]) {
    if (!activation) continue;
    const before = activation.input(0)!;
    exact.set(activation.output, before);
    bypass(activation, before);
  }
  const restored: Value[] = [];
  for (const value of roots.keys()) {
    if (knownGrid(value)) continue;
    const computed = exact.get(value) ?? value;
    if (integers.has(value)) {
      restored.push(inserter.quantizeActivation(computed, gridOf(value), [...computed.uses], { outputs: true }));
      continue;
    }
    inserter.quantizeActivation(computed, gridOf(value), operands.get(value) ?? [], { apart: pulledIn.has(value) });
  }
  for (const {
    node,
    direct,
    operands: [operand],
  } of plan.elementwise) {
    if (direct) takeIntegers(node, gridOf(operand), inserter);
    else if (node.is('HardSigmoid', 'HardSwish')) replaceHardActivation(node, gridOf(operand), inserter);
  }
  for (const value of knowsWhole(emission.target) ? restored : []) {
    const whole = wholeActivation(value);
    if (whole) writeWhole(model, value, whole);
  }
  const remainders = new Map<Value, Value>();
  for (const [{ operator }, node] of twice) {
    const { input } = operator;
    if (!integers.has(input)) addSecondPass(node, operator, input, gridOf(input), inserter, remainders);
  }
}
