// One linear operator with weight and bias as integers.
import { type LinearOperator, readBias, storeRows } from '../../../src/analysis/index.js';
import type { Model, Node, Value } from '../../../src/ir/index.js';
import { packElements } from '../../../src/numeric/index.js';
import {
  addPackedWeight,
  computeParameters,
  layoutOf,
  type QdqInserter,
  type QuantizationParameters,
  quantizedTensor,
  roundToNearest,
  type ValueRanges,
} from '../../../src/quantization/index.js';
import { dropUnused, replaceNode } from '../../../src/rewrite/index.js';
import { float32Tensor, MemoryTensor, reshapeTensor, type Tensor } from '../../../src/tensor/index.js';
import type { Options } from '../options.js';
import type { PlannedLinear } from '../plan/plan.js';
import type { PackedMatrix } from '../weights/pack-matrices.js';
import type { RoundedConvolution } from '../weights/round-weights.js';
import type { Emission } from './emit.js';

/**
 * Lets the operator take its weight and bias as integers.
 * @param grid of its input.
 * Returns the node that takes the input.
 */
export function emitLinear(
  model: Model,
  linear: PlannedLinear,
  { scale: [inputScale] }: QuantizationParameters,
  inserter: QdqInserter,
  { rounded, packed, weightRanges, options }: Omit<Emission, 'plan' | 'grids'>,
): Node {
  const { operator, asGemm, fixedAxes } = linear;
  const { node, weightIndex } = operator;
  const convolution = rounded.get(linear);
  const matrix = packed.get(linear);
  const bias = convolution?.bias ?? (asGemm || node.is('Gemm') ? readBias(operator, model) : null);
  const weight = convolution
    ? convolutionWeight(convolution, inputScale, options)
    : matrix
      ? packedWeight(model, operator, matrix)
      : matrixWeight(operator, weightRanges.get(linear)!, bias, inputScale, options);
  const { name } = operator.weight.value;
  const replaced = [...node.inputs.slice(weightIndex), ...(asGemm ? operator.biasSlot!.node.inputs : [])];
  const restored = inserter.restoreConstant(node, name, weight.integers, weight.parameters, {
    axis: weight.axis,
    zeroPoints: asGemm || node.is('Gemm'),
  });
  const restoredBias = bias?.some((value) => value !== 0)
    ? options.biasType === 'float32'
      ? model.graph.addInitializer(`${name}_bias`, float32Tensor([bias.length], bias))
      : restoreBias(node, name, bias, weight.parameters.scale, inputScale, inserter)
    : null;
  const taker = asGemm ? replaceByGemm(operator, restored, restoredBias) : node;
  if (!asGemm) {
    node.replaceInput(weightIndex, restored);
    if (node.inputs.length > 2) node.replaceInput(2, restoredBias);
    else if (restoredBias) node.addInput(restoredBias);
  }
  dropUnused(model, model.graph, replaced);
  if (fixedAxes !== null) keepSumApart(model, operator, fixedAxes);
  return taker;
}

/** Gives the bias behind a product as many axes as that has: a bias of one axis would make onnxruntime turn both into a float Gemm. */
function keepSumApart(model: Model, { biasSlot }: LinearOperator, axes: number): void {
  const { node: add, index } = biasSlot!;
  const bias = add.input(index)!;
  const tensor = model.constantOf(bias);
  if (!tensor) return;
  const shape = [...new Array<number>(axes - tensor.shape.length).fill(1), ...tensor.shape];
  add.replaceInput(index, model.graph.addInitializer(`${bias.name}_apart`, reshapeTensor(tensor, shape)));
  dropUnused(model, model.graph, [bias]);
}

interface EmittedWeight {
  readonly integers: Tensor | Value;
  readonly parameters: Pick<QuantizationParameters, 'scale' | 'zeroPoint'>;
  readonly axis: number;
}

function convolutionWeight(
  { operator, weights, integers, bias }: RoundedConvolution,
  inputScale: number,
  { weightType }: Options,
): EmittedWeight {
  const { rows, columns, values } = weights;
  const single = weights.scale.every((value) => value === weights.scale[0]);
  const scale = single
    ? weights.scale
    : roomForBias(weights.scale, bias, inputScale, (row) => isZero(values, row, columns));
  const stored = integers.slice();
  for (let row = 0; row < rows; row++) {
    if (scale[row] === weights.scale[row]) continue;
    const own = values.subarray(row * columns, (row + 1) * columns);
    const coarser = roundToNearest({ ...weights, values: own, rows: 1, scale: scale.subarray(row, row + 1) });
    stored.set(coarser, row * columns);
  }
  const dataType = weights.bounds.maximum === 7 ? 'int4' : weightType === 'uint8' ? 'uint8' : 'int8';
  const zero = dataType === 'uint8' ? 128 : 0;
  const isRows = operator.kind === 'conv' || operator.node.attributes.int('transB', 0) !== 0;
  const ordered = isRows ? stored : Int8Array.from(storeRows(operator, Float32Array.from(stored)));
  const shifted =
    dataType === 'int4'
      ? packElements(ordered, 4)
      : zero === 0
        ? ordered
        : Uint8Array.from(ordered, (value) => value + zero);
  const stepSizes = single ? scale.slice(0, 1) : scale;
  return {
    integers: new MemoryTensor(dataType, operator.weight.shape, shifted),
    parameters: {
      scale: stepSizes,
      zeroPoint: new Int32Array(stepSizes.length).fill(zero),
    },
    axis: isRows ? 0 : 1,
  };
}

/** Four bits a weight; channels whose bias would need coarser steps do not occur, as matrix products without weights are left out. */
function packedWeight(
  { graph }: Model,
  { node, weight }: LinearOperator,
  { layout, parameters: packing }: PackedMatrix,
): EmittedWeight {
  const { value, parameters } = addPackedWeight(graph, weight.value.name, weight.tensor, layout, packing);
  return { integers: value, parameters, axis: node.attributes.int('transB', 0) !== 0 ? 0 : 1 };
}

function matrixWeight(
  { node, weight }: LinearOperator,
  ranges: ValueRanges,
  bias: Float32Array | null,
  inputScale: number,
  { granularity: kind, weightType, reduceRange }: Options,
): EmittedWeight {
  const axis = node.attributes.int('transB', 0) !== 0 ? 0 : 1;
  const granularity = kind === 'channel' ? ({ kind, axis } as const) : ({ kind } as const);
  const computed = computeParameters(ranges, {
    dataType: weightType === 'uint8' ? 'uint8' : 'int8',
    symmetric: true,
    reducedRange: reduceRange === 'on' && weightType === 'int8',
    granularity,
  });
  const isEmpty = (channel: number): boolean => ranges.minimum[channel] === 0 && ranges.maximum[channel] === 0;
  const scale =
    bias && computed.scale.length > 1 ? roomForBias(computed.scale, bias, inputScale, isEmpty) : computed.scale;
  const parameters = { ...computed, scale };
  return {
    integers: quantizedTensor(weight.tensor, layoutOf(weight.shape, granularity), parameters),
    parameters,
    axis,
  };
}

/** An int32 sum of products must have room beside it. */
const mostBias = 2 ** 30;
/** Steps that the bias of a channel without weights is told apart in. */
const biasSteps = 2 ** 24;

/** The bias is stored in steps of inputScale · scale: where it would not fit, the weights of that channel get coarser steps. */
function roomForBias(
  scale: Float32Array,
  bias: Float32Array,
  inputScale: number,
  isEmpty: (channel: number) => boolean,
): Float32Array {
  return scale.map((value, channel) => {
    const magnitude = Math.abs(bias[channel]) / inputScale;
    if (isEmpty(channel)) return magnitude / biasSteps || 1;
    return Math.max(value, magnitude / mostBias);
  });
}

function isZero(values: Float32Array, row: number, columns: number): boolean {
  return values.subarray(row * columns, (row + 1) * columns).every((value) => value === 0);
}

/** The bias as int32 in steps of the product of both scales, which is what integer kernels add. */
function restoreBias(
  node: Node,
  name: string,
  bias: Float32Array,
  weightScale: Float32Array,
  inputScale: number,
  inserter: QdqInserter,
): Value {
  const scale = weightScale.map((value) => value * inputScale);
  const integers = Int32Array.from(bias, (value, channel) => {
    const steps = Math.round(value / scale[scale.length === 1 ? 0 : channel]);
    return Math.min(Math.max(steps, -mostBias), mostBias);
  });
  const parameters = { scale, zeroPoint: new Int32Array(scale.length) };
  const tensor = new MemoryTensor('int32', [bias.length], integers);
  return inserter.restoreConstant(node, `${name}_bias`, tensor, parameters, { axis: 0 });
}

/** MatMul and the Add of its bias as one Gemm. */
function replaceByGemm({ node, input, output }: LinearOperator, weight: Value, bias: Value | null): Node {
  const graph = node.graph!;
  const gemm = graph.insertBefore(node, {
    opType: 'Gemm',
    name: node.name,
    inputs: bias ? [input, weight, bias] : [input, weight],
    outputs: [graph.scope.uniqueName(`${output.name}_gemm`)],
  });
  replaceNode(output.producer!, gemm.output);
  if (node.graph) graph.remove(node);
  return gemm;
}
