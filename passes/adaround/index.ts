// AdaRound (Nagel et al. 2020) as a pass of its own: weights become integers of 8 or 4 bits, rounded up or down as is learned from what each
// operator computes, and are restored to float when the model is loaded. quantize-static takes the integers over as they are.
import { type LinearOperator, readBias, storeRows } from '../../src/analysis/index.js';
import type { Model } from '../../src/ir/index.js';
import { packElements } from '../../src/numeric/index.js';
import { raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { chooseLinearOperators, definePass } from '../../src/pass/index.js';
import { packedOpset, QuantizedWeight, useRestored } from '../../src/quantization/index.js';
import { dropUnused } from '../../src/rewrite/index.js';
import { type RoundedOperator, roundInOrder, roundingMeasure } from '../../src/rounding/index.js';
import { MemoryTensor } from '../../src/tensor/index.js';
import { options } from './options.js';

/** Longer rows would take minutes. */
const mostColumns = 4096;

export const adaround = definePass({
  name: 'adaround',
  kind: 'quantize',
  summary: 'Stores weights in 8 or 4 bits, rounded up or down as is learned from outputs on samples (AdaRound).',
  options,
  needs: ['samples', 'inference'],
  async run(model, { bits, iterations, clip = bits === 4, biasCorrection, ...options }, context) {
    const { record } = context;
    const { operators: types, minimumSize } = options;
    const operators = chooseLinearOperators(model, context.targets(...types), record, (operator) =>
      whyNotRounded(operator, model, minimumSize),
    );
    if (operators.length === 0) return;
    const obstacle = bits === 4 && model.opset < packedOpset ? whyNotRaised(model, packedOpset) : null;
    if (obstacle !== null) {
      for (const { node } of operators) record.skipped(node, obstacle);
      return;
    }
    const bounds = bits === 4 ? { minimum: -8, maximum: 7 } : { minimum: -127, maximum: 127 };
    const rounded = await roundInOrder(model, operators, { bounds, iterations, clip, biasCorrection }, context);
    if (bits === 4) raiseOpset(model, packedOpset);
    for (const result of rounded) {
      store(model, result, bits);
      for (const verdict of result.verdicts) record.tried(result.operator.node, roundingMeasure, verdict);
      const words = result.techniques.length > 0 ? result.techniques : ['rounded to the nearest'];
      record.changed(
        result.operator.node,
        `${bits} bits, ${words.join(', ')}: ${result.errorLeft.toFixed(2)} of the squared error of the nearest`,
      );
    }
    const left = rounded.reduce((sum, { errorLeft }) => sum + errorLeft, 0) / rounded.length;
    record.metric('meanErrorLeft', left);
  },
});

function whyNotRounded(operator: LinearOperator, model: Model, minimumSize: number): string | null {
  const { node, weight, rowLength } = operator;
  const { tensor, dataType } = weight;
  if (tensor.dataType !== 'float32' || dataType !== 'float32') return `its weight is ${tensor.dataType}`;
  if (tensor.size < minimumSize) return `its weight has only ${tensor.size} elements`;
  if (rowLength > mostColumns) return `its rows have ${rowLength} elements, more than ${mostColumns}`;
  if (node.is('Conv') && weight.shape.length > 4) return 'it is a convolution over three axes';
  if (node.is('Gemm') && (node.attributes.float('alpha', 1) !== 1 || node.attributes.float('beta', 1) !== 1))
    return 'it scales its product or its bias';
  if (readBias(operator, model) === null) return 'its bias is not one constant value a channel';
  if (!tensor.readFloat32().every(Number.isFinite)) return 'its weight holds numbers that are not finite';
  return null;
}

/** Integers in the shape of the weight, cast and scaled when the model is loaded. */
function store(model: Model, { operator, integers, weights }: RoundedOperator, bits: 8 | 4): void {
  const { graph } = model;
  const { node, weight, weightIndex, kind, outputChannels } = operator;
  const dataType = bits === 4 ? 'int4' : 'int8';
  const ordered = Int8Array.from(storeRows(operator, Float32Array.from(integers)));
  const values = bits === 4 ? packElements(ordered, 4) : ordered;
  const { name } = weight.value;
  const stored = graph.addInitializer(`${name}_${dataType}`, new MemoryTensor(dataType, weight.tensor.shape, values));
  const { scale, bounds } = weights;
  const zeroPoint = new Int32Array(scale.length);
  const quantized = new QuantizedWeight(graph, name, stored, { dataType, scale, zeroPoint, ...bounds });
  // The axis of the stored tensor that output channels lie along.
  const seen = kind === 'conv' || node.attributes.int('transB', 0) !== 0 ? 0 : 1;
  const shape = weight.tensor.shape.map((_, axis) => (axis === weight.permutation[seen] ? outputChannels : 1));
  // Rounding left the weight as a float initializer in the place of the original one.
  const consumer = weight.path.at(-1) ?? node;
  const now = consumer.input(weight.path.length > 0 ? 0 : weightIndex)!;
  const source = { ...weight, value: now };
  useRestored(node, { source, input: weightIndex }, quantized, shape, new Map());
  dropUnused(model, graph, [now]);
}
