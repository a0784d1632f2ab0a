// Networks of few channels: an integer kernel saves time by the multiplication, while rounding, depthwise kernels and what lies between convolutions
// (float has activations within them) cost time by the element. Where a network multiplies little for each element, all of it is slower with
// integers, as measured on x86 (README: what is faster in float).
import { propagateShapes } from '../../../src/analysis/index.js';
import type { Model } from '../../../src/ir/index.js';
import { macsOf, type ShapeOf } from '../../../src/ops/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { likelyShapes } from '../../../src/synthetic/index.js';
import type { Options } from '../options.js';
import { type PlannedLinear, quantizedValues, type StaticPlan } from './plan.js';

/** Multiplications for each element: with fewer (5.7 to 11 measured) integers cost more than they save, with more (14 and up) less. */
const leastMultiplications = 12;

/** The operators without the convolutions, which are recorded with the reason, where the network is thin. */
export function withoutThin(
  model: Model,
  linears: readonly PlannedLinear[],
  planOf: (linears: readonly PlannedLinear[], residual: Options['residual']) => StaticPlan,
  { slowKernels, weightType, residual }: Options,
  { record, target }: Pick<PassContext, 'record' | 'target'>,
): readonly PlannedLinear[] {
  // In float four bits would become eight.
  if (slowKernels === 'integer' || target.runtime !== 'cpu' || weightType === 'int4') return linears;
  const convolutions = linears.filter(({ operator }) => operator.weight.shape.length === 4);
  const multiplications = multiplicationsPerElement(model, planOf(convolutions, residual));
  if (multiplications === null || multiplications >= leastMultiplications) return linears;
  const count = `${multiplications.toFixed(1)} multiplications for each element that would be rounded`;
  for (const { operator } of convolutions)
    record.skipped(operator.node, `float is faster in this network of few channels, with ${count}`);
  record.warn(
    `Convolutions are computed in float, which is faster in this network (${count}), and their weights stored in eight bits; --slow-kernels integer computes them with integers all the same`,
  );
  return linears.filter((linear) => !convolutions.includes(linear));
}

/**
 * Multiplications of kernels over all channels for each element that becomes an integer, results of what lies between counted twice; null where
 * nothing is known.
 */
function multiplicationsPerElement(model: Model, plan: StaticPlan): number | null {
  const shapes = propagateShapes(model, likelyShapes(model));
  const shapeOf: ShapeOf = (value) => value.constant?.shape ?? shapes.get(value) ?? null;
  let multiplications = 0;
  for (const { operator } of plan.linears) {
    const own = operator.groups > 1 ? 0 : macsOf(operator.node, shapeOf);
    if (own === null) return null;
    multiplications += own;
  }
  let elements = 0;
  const between = plan.elementwise.flatMap(({ results }) => results);
  for (const value of [...quantizedValues(plan).keys(), ...between]) {
    const shape = shapeOf(value);
    if (shape === null) return null;
    elements += shape.reduce((product, length) => product * length, 1);
  }
  return elements > 0 ? multiplications / elements : null;
}
