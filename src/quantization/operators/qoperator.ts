// From DequantizeLinear → operator → QuantizeLinear to one operator on integers: QLinearConv of ONNX, and com.microsoft's QLinearAdd, QLinearConcat, …,
// QGemm and MatMulIntegerToFloat. They are what onnxruntime makes of the pairs by itself, so the results agree.
import { type Attribute, intAttribute, type Model, type Node, type Value } from '../../ir/index.js';
import { dropUnused } from '../../rewrite/index.js';
import { byteLengthOf, MemoryTensor, sizeOf, typedArrayOf } from '../../tensor/index.js';

/** A value as integers, and what they stand for. */
type Parts = readonly [integers: Value, scale: Value, zeroPoint: Value];

interface Replacement {
  readonly opType: string;
  readonly domain?: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

const microsoft = 'com.microsoft';

/** They only move elements, and take integers as they are where all of their results are on the grid of their input. */
const moving: ReadonlySet<string> = new Set([
  ...['MaxPool', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'DepthToSpace'],
  ...['Gather', 'GatherElements', 'Expand', 'Tile', 'ReduceMax', 'ReduceMin', 'Resize'],
]);

/**
 * Replaces what has an operator on integers in the main graph of `model`; the rest stays between its pairs.
 * @param onnxOnly without operators of com.microsoft.
 * Returns how many nodes were replaced.
 */
export function fuseIntoQOperators(model: Model, { onnxOnly = false } = {}): number {
  const { graph } = model;
  let replaced = 0;
  for (const node of [...graph.nodes()]) {
    if (node.domain !== '') continue;
    const done = moving.has(node.opType) ? moveIntegers(node) : replaceWhole(node, model, onnxOnly);
    if (done) replaced++;
  }
  for (const node of [...graph.nodes()].toReversed()) {
    if (node.opType !== 'DequantizeLinear' || node.output.isUsed) continue;
    const inputs = [...node.inputs];
    graph.remove(node);
    dropUnused(model, graph, inputs);
  }
  if (replaced > 0 && !onnxOnly && !model.opsetImports.has(microsoft)) model.opsetImports.set(microsoft, 1);
  return replaced;
}

function moveIntegers(node: Node): boolean {
  const parts = partsOf(node.input(0));
  const results = node.outputs.filter((output) => output !== null);
  const quantizers = results.map(onlyQuantizer);
  if (!parts || !quantizers.every((quantizer) => quantizer && sameGrid(quantizer, parts))) return false;
  node.replaceInput(0, parts[0]);
  for (const [index, result] of results.entries()) {
    const { graph, output } = quantizers[index]!;
    output.replaceAllUsesWith(result);
    graph!.remove(quantizers[index]!);
    result.type = null;
  }
  return true;
}

function sameGrid(quantizer: Node, [, scale, zeroPoint]: Parts): boolean {
  return quantizer.input(1) === scale && quantizer.input(2) === zeroPoint;
}

function replaceWhole(node: Node, model: Model, onnxOnly: boolean): boolean {
  const quantizer = onlyQuantizer(node.output);
  const result = quantizer && ([quantizer.input(1)!, quantizer.input(2)!] as const);
  const replacement = result
    ? withIntegerResult(node, result, model, onnxOnly)
    : onnxOnly
      ? null
      : withFloatResult(node, model);
  if (!replacement) return false;
  const graph = node.graph!;
  const { output } = graph.insertBefore(node, { name: node.name, ...replacement });
  const before = quantizer ? quantizer.output : node.output;
  if (quantizer) {
    before.replaceAllUsesWith(output);
    graph.remove(quantizer);
  } else {
    const { name, type, opaque, isGraphOutput } = before;
    before.replaceAllUsesWith(output);
    if (!isGraphOutput) Object.assign(output, { type, opaque });
    graph.remove(node);
    if (!isGraphOutput) output.rename(name);
    return true;
  }
  graph.remove(node);
  return true;
}

function withIntegerResult(
  node: Node,
  result: readonly [scale: Value, zeroPoint: Value],
  model: Model,
  onnxOnly: boolean,
): Replacement | null {
  const attributes = node.attributes.toObject();
  if (node.is('Conv')) {
    const [x, w] = [partsOf(node.input(0)), weightOf(node.input(1), model)];
    const bias = node.input(2) ? integersOf(node.input(2)) : null;
    if (!x || !w || (node.input(2) && !bias)) return null;
    return { opType: 'QLinearConv', inputs: [...x, ...w, ...result, ...(bias ? [bias] : [])], attributes };
  }
  const operands = node.inputs.map(partsOf);
  if (onnxOnly || !operands.every((parts) => parts !== null)) return null;
  const flat = operands.flat();
  switch (node.opType) {
    case 'Add':
    case 'Mul':
      return { opType: `QLinear${node.opType}`, domain: microsoft, inputs: [...flat, ...result] };
    case 'Concat':
      return { opType: 'QLinearConcat', domain: microsoft, inputs: [...result, ...flat], attributes };
    case 'AveragePool':
    case 'LeakyRelu':
    case 'Sigmoid':
      return { opType: `QLinear${node.opType}`, domain: microsoft, inputs: [...flat, ...result], attributes };
    default:
      return null;
  }
}

function withFloatResult(node: Node, model: Model): Replacement | null {
  if (!node.is('Gemm', 'MatMul')) return null;
  const [x, w] = [partsOf(node.input(0)), weightOf(node.input(1), model)];
  if (!x || !w) return null;
  const [a, scale, zeroPoint] = x;
  if (node.is('MatMul'))
    return {
      opType: 'MatMulIntegerToFloat',
      domain: microsoft,
      inputs: [a, w[0], scale, w[1], zeroPoint, w[2]],
    };
  const bias = node.input(2) ? integersOf(node.input(2)) : null;
  if (node.input(2) && !bias) return null;
  const transB = intAttribute(node.attributes.int('transB', 0));
  return { opType: 'QGemm', domain: microsoft, inputs: [...x, ...w, bias], attributes: { transB } };
}

/** What `value` is restored from, with one scale; null where it is not. */
function partsOf(value: Value | null): Parts | null {
  const node = value?.producer;
  if (node?.opType !== 'DequantizeLinear') return null;
  const [integers, scale, zeroPoint] = [node.input(0), node.input(1), node.input(2)];
  return integers && scale && zeroPoint && scale.constant?.size === 1 ? [integers, scale, zeroPoint] : null;
}

function integersOf(value: Value | null): Value | null {
  return value?.producer?.opType === 'DequantizeLinear' ? value.producer.input(0) : null;
}

/** Of a weight, one scale or one a channel; zero points that were left out are written. */
function weightOf(value: Value | null, model: Model): Parts | null {
  const node = value?.producer;
  if (node?.opType !== 'DequantizeLinear') return null;
  const [integers, scale, given] = [node.input(0), node.input(1), node.input(2)];
  if (!integers || !scale?.constant) return null;
  if (given) return [integers, scale, given];
  const { shape } = scale.constant;
  const zeros = typedArrayOf('int8', new Uint8Array(byteLengthOf('int8', sizeOf(shape))));
  return [integers, scale, model.graph.addInitializer('int8_zeros', new MemoryTensor('int8', shape, zeros))];
}

function onlyQuantizer(value: Value): Node | null {
  if (value.isGraphOutput || value.uses.size !== 1) return null;
  const [{ node }] = value.uses;
  return node.opType === 'QuantizeLinear' && node.graph === value.producer?.graph && node.input(2) ? node : null;
}
