// Puts factors in the place of an operator: a chain of the same operator, the last with its bias.
import type { LinearOperator } from '../../analysis/index.js';
import { internalError } from '../../errors.js';
import { type Attribute, intAttribute, intsAttribute, type Model, type Node, type Value } from '../../ir/index.js';
import { float32ToFloat16Array, transpose } from '../../numeric/index.js';
import { dropUnused, NodeInserter, replaceNode } from '../../rewrite/index.js';
import { float32Tensor, MemoryTensor, type Tensor } from '../../tensor/index.js';
import type { Stage } from '../decompositions/family.js';
import type { OperatorShape } from '../decompositions/problem.js';

/** The stages of a matrix product that others have too. */
export interface SharedStages {
  readonly first: Value;
  /** What the first stage computes of this input, if it was computed already. */
  readonly firstOutput: Value | null;
  /** null: the last stage is its own. */
  readonly last: Value | null;
}

export interface Emitted {
  /** What the first stage computes. */
  readonly firstOutput: Value;
  readonly lastWeights: Value;
}

/** `bias`: per output channel in place of the operator's; null: as it is. With `shared` the stages are those behind the first. */
export function emitFactors(
  model: Model,
  operator: LinearOperator,
  shape: OperatorShape,
  stages: readonly Stage[],
  bias: Float32Array | null,
  shared: SharedStages | null = null,
): Emitted {
  const { node, weight } = operator;
  const stem = weight.value.name || node.name || node.opType;
  const inserter = new NodeInserter(node, stem);
  const type = weight.dataType === 'float16' ? 'float16' : 'float32';
  const lastBias = bias && inserter.graph.addInitializer(`${stem}_bias`, vector(bias, type));
  let value: Value = operator.input;
  let first: Value | null = null;
  let lastWeights: Value | null = null;
  if (shared) {
    const suffix = 'factor1_output';
    first = shared.firstOutput ?? inserter.add('MatMul', [value, shared.first], suffix, named(node, 'factor1'));
    value = first;
  }
  for (const [index, stage] of stages.entries()) {
    const last = index === stages.length - 1;
    const suffix = `factor${index + (shared ? 2 : 1)}`;
    const known = last ? (shared?.last ?? null) : null;
    const weights = known ?? inserter.graph.addInitializer(`${stem}_${suffix}`, stageTensor(stage, shape, type));
    if (last) lastWeights = weights;
    const name = named(node, suffix);
    if (node.is('Conv')) {
      const slot = last ? (lastBias ?? node.input(2)) : null;
      const attributes = stageAttributes(node, stage, shape);
      value = inserter.add('Conv', [value, weights, ...(slot ? [slot] : [])], `${suffix}_output`, {
        ...name,
        attributes,
      });
      first ??= value;
      continue;
    }
    const slot = node.is('Gemm') && last ? (lastBias ?? node.input(2)) : null;
    if (slot) {
      const beta = node.attributes.get('beta');
      const attributes: Record<string, Attribute> = beta && !lastBias ? { beta } : {};
      value = inserter.add('Gemm', [value, weights, slot], `${suffix}_output`, { ...name, attributes });
    } else {
      value = inserter.add('MatMul', [value, weights], `${suffix}_output`, name);
    }
    first ??= value;
  }
  const { biasSlot } = operator;
  const unused: (Value | null)[] = [];
  if (lastBias && biasSlot) {
    unused.push(biasSlot.node.input(biasSlot.index));
    if (biasSlot.node !== node) biasSlot.node.replaceInput(biasSlot.index, lastBias);
  }
  replaceNode(node, value);
  removeWeight(model, operator, inserter);
  dropUnused(model, inserter.graph, unused);
  if (first === null || lastWeights === null) throw internalError('A chain of factors has no stages');
  return { firstOutput: first, lastWeights };
}

function named({ name }: Node, suffix: string): { readonly name: string } {
  return { name: name && `${name}_${suffix}` };
}

function removeWeight(model: Model, { weight: { value, path } }: LinearOperator, { graph }: NodeInserter): void {
  for (const between of path) if (between.graph && !between.output.isUsed) between.graph.remove(between);
  if (value.producer?.graph && !value.isUsed) value.producer.graph.remove(value.producer);
  dropUnused(model, graph, [value]);
}

function stageTensor({ weights, axes }: Stage, { kernel, kind }: OperatorShape, type: 'float32' | 'float16'): Tensor {
  const [{ rows, columns }] = weights;
  if (kind === 'matrix') {
    const { data } = transpose(weights[0]);
    return tensorOf([columns, rows], data, type);
  }
  const own = kernel.map((length, axis) => (axes[axis] ? length : 1));
  const elements = own.reduce((product, length) => product * length, 1);
  const data = new Float64Array(weights.length * rows * columns);
  for (const [group, matrix] of weights.entries()) data.set(matrix.data, group * rows * columns);
  return tensorOf([weights.length * rows, columns / elements, ...own], data, type);
}

function vector(values: Float32Array, type: 'float32' | 'float16'): Tensor {
  return tensorOf([values.length], values, type);
}

function tensorOf(shape: readonly number[], values: ArrayLike<number>, type: 'float32' | 'float16'): Tensor {
  const single = Float32Array.from(values);
  if (type === 'float32') return float32Tensor(shape, single);
  return new MemoryTensor('float16', shape, float32ToFloat16Array(single));
}

/** Those of the original along the stage's axes; 1 × 1 at stride 1 without padding along the others. */
function stageAttributes(node: Node, { axes, weights }: Stage, { kernel }: OperatorShape): Record<string, Attribute> {
  const count = kernel.length;
  const own = (values: readonly number[] | null, missing: number): number[] =>
    kernel.map((_, axis) => (axes[axis] ? (values?.[axis] ?? missing) : missing));
  const attributes: Record<string, Attribute> = {
    kernel_shape: intsAttribute(kernel.map((length, axis) => (axes[axis] ? length : 1))),
  };
  if (weights.length > 1) attributes.group = intAttribute(weights.length);
  if (!axes.some(Boolean)) return attributes;
  const { attributes: given } = node;
  if (given.has('strides')) attributes.strides = intsAttribute(own(given.ints('strides'), 1));
  if (given.has('dilations')) attributes.dilations = intsAttribute(own(given.ints('dilations'), 1));
  const autoPad = given.get('auto_pad');
  if (autoPad) attributes.auto_pad = autoPad;
  const pads = given.ints('pads');
  if (pads) attributes.pads = intsAttribute([...own(pads.slice(0, count), 0), ...own(pads.slice(count), 0)]);
  return attributes;
}
