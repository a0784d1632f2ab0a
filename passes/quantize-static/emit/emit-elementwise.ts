// Operators between integers that onnxruntime has no kernel to fuse into: Pad and Relu take the integers themselves, and HardSigmoid and HardSwish are written
// as additions and multiplications, which it has.
import type { Node, Value } from '../../../src/ir/index.js';
import { computeParameters, type QdqInserter, type QuantizationParameters } from '../../../src/quantization/index.js';

/** Lets `node` take and give integers: its operand is quantized and restored, and so is its result. @param grid of both. */
export function takeIntegers(node: Node, grid: QuantizationParameters, inserter: QdqInserter): void {
  node.replaceInput(0, node.input(0)!.producer!.input(0)!);
  if (node.is('Pad') && node.attributes.string('mode', 'constant') === 'constant') {
    const zero = inserter.zeroPoint(grid);
    if (node.inputs.length > 2) node.replaceInput(2, zero);
    else node.addInput(zero);
  }
  if (node.is('Relu')) {
    const clip = { opType: 'Clip', name: node.name, inputs: [node.input(0), inserter.zeroPoint(grid)] };
    restoreBehind(node, node.graph!.insertBefore(node, clip).output);
    node.graph!.remove(node);
  } else restoreBehind(node, node.output);
}

/** Lets what takes the quantized result of `node` take the integers `result`. */
function restoreBehind({ output }: Node, result: Value): void {
  const [{ node: quantize }] = output.uses;
  for (const { node: restore, index } of [...quantize.output.uses]) restore.replaceInput(index, result);
  quantize.graph!.remove(quantize);
  result.type = null;
}

/**
 * HardSigmoid is clip(α·x + β, 0, 1). Integers q = x / s stand for α·x just as well, in steps of α·s, and what lies outside of [0, 1] is cut off by the
 * range of the sum. HardSwish is x · HardSigmoid(x).
 * @param grid of its operand.
 */
export function replaceHardActivation(node: Node, grid: QuantizationParameters, inserter: QdqInserter): void {
  const graph = node.graph!;
  const isSwish = node.is('HardSwish');
  const alpha = isSwish ? 1 / 6 : node.attributes.float('alpha', 0.2);
  const beta = isSwish ? 0.5 : node.attributes.float('beta', 0.5);
  const restored = node.input(0)!;
  const scaled = inserter.restoreAs(restored, { ...grid, scale: grid.scale.map((step) => step * alpha) });
  const offset = inserter.quantizedConstant(`${node.output.name}_offset`, beta, grid);
  const sum = graph.insertBefore(node, {
    opType: 'Add',
    name: isSwish ? '' : node.name,
    inputs: [scaled, offset],
  }).output;
  let result: Value = sum;
  if (isSwish) {
    const gate = inserter.quantizeActivation(sum, unitGrid(grid), []);
    result = graph.insertBefore(node, { opType: 'Mul', name: node.name, inputs: [restored, gate] }).output;
  }
  node.output.replaceAllUsesWith(result);
  graph.remove(node);
}

/** [0, 1] in all levels of the type. */
function unitGrid({ dataType }: QuantizationParameters): QuantizationParameters {
  return computeParameters(
    { minimum: Float32Array.of(0), maximum: Float32Array.of(1), nonFiniteCount: 0, firstNonFinite: -1 },
    { dataType, symmetric: false, granularity: { kind: 'tensor' } },
  );
}
