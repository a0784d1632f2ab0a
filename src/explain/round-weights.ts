// Weights rounded to few bits and kept as floats: what storing them in that many bits will cost, whatever the format. Symmetric, one scale
// for every 32 neighbours along the axis that is summed over, as weight-only formats (MatMulNBits) have it.
import { z } from 'zod';
import type { Node } from '../ir/index.js';
import { type ConstantSource, constantSource } from '../ops/index.js';
import { definePass, selectionOptions } from '../pass/index.js';
import {
  createQuantizedArray,
  dequantizeRange,
  isFloatWeightType,
  layoutOf,
  type QuantizationLayout,
  type QuantizationParameters,
  quantizeRange,
  scanRanges,
} from '../quantization/index.js';
import { ComputedTensor, castTensor, chunkLength, sizeOf, type Tensor, type TensorKernel } from '../tensor/index.js';

export const blockSize = 32;
/** As for 8 bits: fewer elements are not worth it. */
const leastElements = 512;

interface RoundingParameters {
  readonly layout: QuantizationLayout;
  readonly bits: number;
}

/** Holds the tensor a few times. */
export const roundingKernel: TensorKernel<RoundingParameters> = {
  module: import.meta.url,
  exportName: 'roundingKernel',
  *chunks([source], { layout, bits }) {
    const values = source.readFloat32();
    const parameters = parametersOf(values, layout, bits);
    const integers = createQuantizedArray('int8', values.length);
    quantizeRange(values, 0, layout, parameters, integers);
    const rounded = new Float32Array(values.length);
    dequantizeRange(integers, 0, layout, parameters, rounded);
    const bytes = new Uint8Array(rounded.buffer);
    for (let from = 0; from < bytes.length; from += chunkLength) yield bytes.subarray(from, from + chunkLength);
  },
};

/** Scales that bring the largest magnitude of each block to the largest integer of `bits`. */
function parametersOf(values: Float32Array, layout: QuantizationLayout, bits: number): QuantizationParameters {
  const most = 2 ** (bits - 1) - 1;
  const ranges = scanRanges(values, layout);
  const scale = ranges.minimum.map((low, p) => {
    const magnitude = Math.max(-low, ranges.maximum[p]) / most;
    return magnitude >= 2 ** -126 && Number.isFinite(magnitude) ? magnitude : 1;
  });
  return { dataType: 'int8', scale, zeroPoint: new Int32Array(scale.length), minimum: -most, maximum: most };
}

/** `source` rounded to `bits` along one of its axes, or along all from `axis` on where `flat`. */
export function roundedTensor(source: Tensor, bits: number, { axis, flat = false }: SummedAxis): Tensor {
  const { shape } = source;
  const folded = flat ? [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))] : shape;
  const layout = layoutOf(folded, { kind: 'block', axis: flat ? 1 : axis, blockSize });
  const rounded = new ComputedTensor('float32', shape, roundingKernel, [source], { layout, bits });
  return source.dataType === 'float32' ? rounded : castTensor(rounded, source.dataType);
}

/** An axis of a stored weight; `flat`: it and all behind it are summed over together. */
interface SummedAxis {
  readonly axis: number;
  readonly flat?: boolean;
}

/** Operators of which no pass stores weights in less than 8 bits. */
export const otherOperators = ['Conv', 'ConvTranspose', 'LSTM', 'GRU', 'RNN', 'com.microsoft::Attention'] as const;

const operators = ['MatMul', 'Gemm', 'Gather', ...otherOperators] as const;

export const roundWeights = definePass({
  name: 'round-weights',
  kind: 'quantize',
  summary: 'Rounds weights to few bits and keeps them as floats.',
  options: z.strictObject({
    bits: z.int().min(2).max(8).describe('of each weight'),
    operators: z
      .array(z.enum(operators))
      .default([...operators])
      .describe('operators to work on'),
    ...selectionOptions,
  }),
  needs: [],
  run(model, { bits, operators }, { targets, record }) {
    const done = new Set<Tensor>();
    for (const node of targets(...operators)) {
      const weights = weightsOf(node).filter(({ source }) => model.constantOf(source.value) !== null);
      if (weights.length === 0) {
        if (!node.is('Gather')) record.skipped(node, 'its weight is computed while the model runs');
        continue;
      }
      const fitting = weights.filter(({ source }) => isLargeFloat(source));
      if (fitting.length === 0) {
        record.skipped(node, `its weight is ${weights[0].source.tensor.dataType} [${weights[0].source.tensor.shape}]`);
        continue;
      }
      for (const { source, axis } of fitting) {
        const { value, tensor } = source;
        // Two nodes may share a weight: it is rounded once.
        if (done.has(tensor)) continue;
        value.constant = roundedTensor(tensor, bits, axis);
        done.add(value.constant);
      }
      record.changed(node, `weights rounded to ${bits} bits`);
    }
  },
});

function isLargeFloat({ tensor }: ConstantSource): boolean {
  return isFloatWeightType(tensor.dataType) && tensor.size >= leastElements && tensor.shape.length >= 2;
}

interface SummedWeight {
  readonly source: ConstantSource;
  readonly axis: SummedAxis;
}

function weightsOf(node: Node): SummedWeight[] {
  const at = (input: number, axisOf: (rank: number) => number, flat = false): SummedWeight[] => {
    const source = constantSource(node.input(input));
    if (!source || source.shape.length < 2) return [];
    const inPlace = source.permutation.every((from, to) => from === to);
    const axis = source.permutation[axisOf(source.shape.length)];
    return axis === undefined ? [] : [{ source, axis: { axis, flat: flat && inPlace } }];
  };
  switch (node.opType) {
    case 'MatMul': {
      const right = at(1, (rank) => rank - 2);
      return right.length > 0 ? right : at(0, (rank) => rank - 1);
    }
    case 'Gemm':
      return at(1, () => (node.attributes.int('transB', 0) === 0 ? 0 : 1));
    case 'Conv':
      return at(1, () => 1, true);
    case 'Gather':
      return at(0, (rank) => rank - 1);
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return [...at(1, () => 2), ...at(2, () => 2)];
    default:
      return at(1, () => 0);
  }
}
