// Rows of weights and of activations: W·x + b of them must be what the operator computes, whatever its attributes.
import { describe, expect, it } from 'vitest';
import { linearOperator, readBias, readRows, storeRows } from '../../src/analysis/index.js';
import { hasRows, operatorRows } from '../../src/calibration/index.js';
import { type Model, type Node, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor, sizeOf, type Tensor } from '../../src/tensor/index.js';
import { outputsOf } from '../fixture-models.js';

function draw(shape: readonly number[], seed: number): Tensor {
  const random = createRandom(seed);
  return float32Tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
  );
}

/** `w` and `b` of the model get random values of these shapes. */
function makeModel(input: readonly number[], weight: readonly number[], bias: readonly number[], body: string): Model {
  const zeros = (shape: readonly number[]): string => `{${new Array(sizeOf(shape)).fill('0').join(', ')}}`;
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[${input}] x) => (float[] y) <float[${weight}] w = ${zeros(weight)}, float[${bias}] b = ${zeros(bias)}> {
${body}
}`);
  model.graph.outputs[0].type = null;
  for (const value of model.graph.initializers)
    value.constant = draw(value.constant!.shape, value.name === 'w' ? 1 : 2);
  return model;
}

function linearNode(model: Model): Node {
  return [...model.graph.nodes()].find((node) => node.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul'))!;
}

const cases: readonly (readonly [string, readonly number[], readonly number[], readonly number[], string])[] = [
  ['MatMul + Add', [2, 5, 6], [6, 4], [4], 'p = MatMul (x, w)\n y = Add (p, b)'],
  [
    'MatMul of a transposed weight',
    [5, 6],
    [4, 6],
    [4],
    't = Transpose <perm = [1, 0]> (w)\n p = MatMul (x, t)\n y = Add (b, p)',
  ],
  ['Gemm', [5, 6], [6, 4], [4], 'y = Gemm (x, w, b)'],
  ['Gemm transB', [5, 6], [4, 6], [1, 4], 'y = Gemm <transB = 1> (x, w, b)'],
  ['Conv', [2, 3, 7, 8], [4, 3, 3, 3], [4], 'y = Conv <pads = [1, 1, 1, 1]> (x, w, b)'],
  [
    'Conv, strided, uneven pads',
    [2, 3, 9, 8],
    [4, 3, 3, 2],
    [4],
    'y = Conv <strides = [2, 1], pads = [0, 1, 2, 0]> (x, w, b)',
  ],
  ['Conv, dilated', [1, 3, 9, 9], [4, 3, 3, 3], [4], 'y = Conv <dilations = [2, 3], pads = [2, 3, 2, 3]> (x, w, b)'],
  ['Conv, grouped', [2, 6, 5, 5], [4, 3, 3, 3], [4], 'y = Conv <group = 2, pads = [1, 1, 1, 1]> (x, w, b)'],
  ['Conv, depthwise', [2, 4, 6, 6], [4, 1, 3, 3], [4], 'y = Conv <group = 4, strides = [2, 2]> (x, w, b)'],
  [
    'Conv, SAME_UPPER',
    [1, 2, 6, 7],
    [3, 2, 3, 4],
    [3],
    'y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w, b)',
  ],
  ['Conv, SAME_LOWER', [1, 2, 6, 7], [3, 2, 2, 4], [3], 'y = Conv <auto_pad = "SAME_LOWER"> (x, w, b)'],
  ['Conv over one axis', [2, 3, 10], [4, 3, 3], [4], 'y = Conv <pads = [2, 0], strides = [2]> (x, w, b)'],
];

describe('rows of weights times rows of activations are the operator', () => {
  it.each(cases)('%s', async (_name, input, weight, bias, body) => {
    const model = makeModel(input, weight, bias, body);
    const operator = linearOperator(linearNode(model), model);
    if (operator === null || typeof operator === 'string') throw new Error(`not seen as linear: ${operator}`);
    expect(operator.output.name).toBe('y');
    expect(hasRows(operator)).toBe(true);
    const x = draw(input, 3);
    const { y } = await outputsOf(model, { x });
    const [w, b] = [readRows(operator), readBias(operator, model)!];
    const { outputChannels, rowLength, groups } = operator;
    expect(w.length).toBe(outputChannels * rowLength);
    const blocks = [...operatorRows(operator, x)];
    expect(blocks.map(({ group }) => group)).toEqual(Array.from({ length: groups }, (_, group) => group));
    const perGroup = outputChannels / groups;
    const rows = blocks[0].rows.length / rowLength;
    // Output as [position, channel]: matrices have it so; convolutions have [example, channel, position].
    const example = operator.kind === 'matrix' ? rows : rows / input[0];
    const expected = y.readFloat32();
    for (let row = 0; row < rows; row++) {
      for (let channel = 0; channel < outputChannels; channel++) {
        const block = blocks[Math.floor(channel / perGroup)].rows;
        let sum = b[channel];
        for (let k = 0; k < rowLength; k++) sum += w[channel * rowLength + k] * block[row * rowLength + k];
        const at =
          operator.kind === 'matrix'
            ? row * outputChannels + channel
            : (Math.floor(row / example) * outputChannels + channel) * example + (row % example);
        expect(sum).toBeCloseTo(expected[at], 4);
      }
    }
  });

  it.each(cases)('%s: what is stored is what was read', (_name, input, weight, bias, body) => {
    const model = makeModel(input, weight, bias, body);
    const operator = linearOperator(linearNode(model), model);
    if (operator === null || typeof operator === 'string') throw new Error('not seen as linear');
    expect([...storeRows(operator, readRows(operator))]).toEqual([...operator.weight.tensor.readFloat32()]);
  });
});

describe('a transposed convolution', () => {
  it('has rows over the input channels of a group', () => {
    const model = makeModel([1, 4, 5, 5], [4, 3, 2, 2], [6], 'y = ConvTranspose <group = 2> (x, w, b)');
    const operator = linearOperator(linearNode(model), model);
    if (operator === null || typeof operator === 'string') throw new Error('not seen as linear');
    expect([operator.outputChannels, operator.rowLength, operator.groups]).toEqual([6, 8, 2]);
    const stored = operator.weight.tensor.readFloat32();
    const rows = readRows(operator);
    // Output channel 4 is the second of group 1, whose input channels are 2 and 3; kernel element (1, 0) of input channel 3.
    expect(rows[4 * 8 + 1 * 4 + 2]).toBe(stored[(3 * 3 + 1) * 4 + 2]);
    expect([...storeRows(operator, rows)]).toEqual([...stored]);
    expect(hasRows(operator)).toBe(false);
  });
});

describe('what is not linear with constant weights', () => {
  it('says why, or that it is something else', () => {
    const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[2,2] x, float[2,2] v) => (float[2,2] y) {
  p = MatMul (x, v)
  y = Relu (p)
}`);
    const [product, relu] = model.graph.nodes();
    expect(linearOperator(product, model)).toBe('its weight is computed while the model runs');
    expect(linearOperator(relu, model)).toBeNull();
  });
});
