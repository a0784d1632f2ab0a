// Which nodes stay in float32 among others that compute in float16, and why.
import { ExtremaObserver } from '../../src/calibration/index.js';
import type { Model, Node, TensorType, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { fitsHalf, type HalfType } from './half-tensor.js';
import type { Options } from './options.js';
import { float32Weights, isHalfEnough } from './weights.js';

export type Types = ReadonlyMap<Value, TensorType>;

export function isFloat32(value: Value | null, types: Types): value is Value {
  if (!value) return false;
  if (value.constant) return value.constant.dataType === 'float32';
  return types.get(value)?.dataType === 'float32';
}

/** Values that float16 does not hold: weights by what they are, others by what samples make of them. */
export async function findWideValues(
  model: Model,
  types: Types,
  type: HalfType,
  context: PassContext,
): Promise<ReadonlySet<Value>> {
  const wide = new Set<Value>();
  for (const value of float32Weights(model)) if (!(await isHalfEnough(value, type, context))) wide.add(value);
  if (context.samples === null) return wide;
  const observers = new Map<Value, ExtremaObserver>();
  for (const node of model.graph.nodes()) {
    for (const output of node.outputs) if (isFloat32(output, types)) observers.set(output, new ExtremaObserver());
  }
  await context.observe(observers);
  for (const [value, { range }] of observers) if (!fitsHalf(range[0], range[1], type)) wide.add(value);
  return wide;
}

/** Why `node` stays in float32; null when it does not. */
export function whyFloat32(
  node: Node,
  model: Model,
  { types, wide, options }: { types: Types; wide: ReadonlySet<Value>; options: Options },
): string | null {
  if (node.domain !== '') return `it is an operator of ${node.domain}`;
  if (node.subgraphs().length > 0) return 'what goes in and out of subgraphs stays in float32';
  if (options.blockedOperators.includes(node.opType)) return `${node.opType} stays in float32`;
  if (/Integer$|^QLinear/.test(node.opType)) return `${node.opType} stays in float32`;
  if (crashesProducts(node, model))
    return 'onnxruntime crashes on the CPU where it is followed by a product in float16';
  for (const output of node.outputs) {
    if (output && !types.has(output)) return 'the types of its outputs are not known';
  }
  if (node.is('Constant') && node.attributes.tensor('value') === null) return 'its value is no tensor';
  const tooWide = [...node.inputs, ...node.outputs].find((value) => value && wide.has(value));
  return tooWide ? `${options.type} does not hold the values of ${tooWide.name}` : null;
}

/**
 * A Transpose that exchanges the leading axes ([1, 0, 2]: behind recurrent operators) in front of a MatMul with a constant: up to version 1.30 at least,
 * loading such a model with all optimizations ends the process.
 */
function crashesProducts(node: Node, model: Model): boolean {
  if (!node.is('Transpose')) return false;
  const permutation = node.attributes.ints('perm') ?? [];
  if (permutation.length < 3 || permutation[0] === 0 || permutation.at(-1) !== permutation.length - 1) return false;
  return [...node.output.uses].some(
    (use) => use.index === 0 && use.node.is('MatMul') && model.constantOf(use.node.input(1)) !== null,
  );
}
