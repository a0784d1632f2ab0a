// Every gradient rule against numerical derivatives, on small graphs.
import { expect, test } from 'vitest';
import { parseModel } from '../../src/ir/index.js';
import { engine, feedsFor } from '../fixture-models.js';
import { checkGradients } from './check-gradients.js';
import { recurrentGraphs } from './recurrent-graphs.js';
import { type Case, resamplingCases } from './resampling-cases.js';

const unary = (expression: string, input = 'x'): Case => ({
  graph: `(float[3,5] ${input}) => (float[3,5] y) { ${expression} }`,
});

const cases: Readonly<Record<string, Case>> = {
  ...resamplingCases,
  ...Object.fromEntries(Object.entries(recurrentGraphs).map(([name, graph]) => [name, { graph }])),
  ...Object.fromEntries(
    [
      'Relu',
      'Elu',
      'Selu',
      'Celu',
      'Sigmoid',
      'HardSwish',
      'Tanh',
      'Softplus',
      'Softsign',
      'Mish',
      'Erf',
      'Exp',
      'Abs',
      'Sin',
      'Cos',
      'Atan',
      'Sinh',
      'Cosh',
      'Asinh',
      'Neg',
      'Softmax',
      'LogSoftmax',
      'Identity',
      'LeakyRelu',
      'HardSigmoid',
      'Reciprocal',
    ].map((name) => [name, unary(`y = ${name} (x)`)]),
  ),
  ...Object.fromEntries(
    ['Log', 'Sqrt', 'Acosh'].map((name) => [
      name,
      unary(`one = Constant <value_float = 1.5> () a = Abs (x) b = Add (a, one) y = ${name} (b)`),
    ]),
  ),
  ...Object.fromEntries(
    ['Asin', 'Acos', 'Atanh', 'Tan'].map((name) => [
      name,
      unary(`half = Constant <value_float = 0.7> () a = Tanh (x) b = Mul (a, half) y = ${name} (b)`),
    ]),
  ),
  'Clip with computed limits': {
    graph: '(float[3,5] x, float lo, float hi) => (float[3,5] y) { a = Abs (hi) n = Neg (a) y = Clip (x, n, lo) }',
  },
  Clip: unary('low = Constant <value_float = -0.4> () y = Clip (x, low)'),
  ThresholdedRelu: unary('y = ThresholdedRelu <alpha = 0.9> (x)'),
  'Gelu tanh': { graph: '(float[3,5] x) => (float[3,5] y) { y = Gelu <approximate = "tanh"> (x) }', opset: 20 },
  Gelu: { graph: '(float[3,5] x) => (float[3,5] y) { y = Gelu (x) }', opset: 20 },
  'Add broadcast': { graph: '(float[2,3,4] a, float[3,1] b) => (float[2,3,4] y) { y = Add (a, b) }' },
  'Sub broadcast': { graph: '(float[1,4] a, float[3,1] b) => (float[3,4] y) { y = Sub (a, b) }' },
  'Mul broadcast': { graph: '(float[2,3,4] a, float[4] b) => (float[2,3,4] y) { y = Mul (a, b) }' },
  'Div broadcast': {
    graph:
      '(float[2,3] a, float[3] c) => (float[2,3] y) { two = Constant <value_float = 2.0> () d = Abs (c) b = Add (d, two) y = Div (a, b) }',
  },
  'Pow constant': { graph: '(float[2,3] a) => (float[2,3] y) { p = Constant <value_float = 3.0> () y = Pow (a, p) }' },
  'Pow integer': { graph: '(float[2,3] a) => (float[2,3] y) { p = Constant <value_int = 2> () y = Pow (a, p) }' },
  'Pow computed': {
    graph:
      '(float[2,3] a, float[3] p) => (float[2,3] y) { one = Constant <value_float = 1.0> () b = Abs (a) c = Add (b, one) y = Pow (c, p) }',
  },
  Max: { graph: '(float[2,3] a, float[3] b) => (float[2,3] y) { y = Max (a, b) }' },
  Min: { graph: '(float[2,3] a, float[3] b) => (float[2,3] y) { y = Min (a, b) }' },
  Sum: { graph: '(float[2,3] a, float[3] b) => (float[2,3] y) { y = Sum (a, b) }' },
  Mean: { graph: '(float[2,3] a, float[3] b) => (float[2,3] y) { y = Mean (a, b) }' },
  PRelu: { graph: '(float[2,3,4] x, float[3,1] s) => (float[2,3,4] y) { y = PRelu (x, s) }' },
  Where: {
    graph:
      '(float[2,3] a, float[3] b) => (float[2,3] y) { zero = Constant <value_float = 0.0> () c = Greater (a, zero) y = Where (c, a, b) }',
  },
  'used twice': { graph: '(float[2,3] a) => (float[2,3] y) { b = Mul (a, a) c = Tanh (a) y = Add (b, c) }' },
  MatMul: { graph: '(float[3,4] a, float[4,5] b) => (float[3,5] y) { y = MatMul (a, b) }' },
  'MatMul batched by matrix': { graph: '(float[2,3,4] a, float[4,5] b) => (float[2,3,5] y) { y = MatMul (a, b) }' },
  'MatMul broadcast': { graph: '(float[2,1,3,4] a, float[5,4,2] b) => (float[2,5,3,2] y) { y = MatMul (a, b) }' },
  'MatMul vectors': { graph: '(float[4] a, float[4] b) => (float y) { y = MatMul (a, b) }' },
  'MatMul vector by matrix': { graph: '(float[4] a, float[2,4,3] b) => (float[2,3] y) { y = MatMul (a, b) }' },
  'MatMul matrix by vector': { graph: '(float[2,3,4] a, float[4] b) => (float[2,3] y) { y = MatMul (a, b) }' },
  Gemm: {
    graph:
      '(float[3,4] a, float[4,5] b, float[5] c) => (float[3,5] y) { y = Gemm <alpha = 0.5, beta = 2.0> (a, b, c) }',
  },
  'Gemm transB': {
    graph: '(float[3,4] a, float[5,4] b, float[5] c) => (float[3,5] y) { y = Gemm <transB = 1> (a, b, c) }',
  },
  'Gemm transA': { graph: '(float[4,3] a, float[4,5] b) => (float[3,5] y) { y = Gemm <transA = 1> (a, b) }' },
  'Gemm both': {
    graph:
      '(float[4,3] a, float[5,4] b, float[3,1] c) => (float[3,5] y) { y = Gemm <transA = 1, transB = 1> (a, b, c) }',
  },
  Einsum: { graph: '(float[2,3,4] a, float[4,5] b) => (float[5,2] y) { y = Einsum <equation = "bij,jk->kb"> (a, b) }' },
  ...Object.fromEntries(
    [
      'ReduceSum',
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceProd',
      'ReduceL1',
      'ReduceL2',
      'ReduceSumSquare',
      'ReduceLogSumExp',
    ].map((name) => [
      name,
      { graph: `(float[2,3,4] x) => (float[2,4] y) <int64[1] axes = {1}> { y = ${name} <keepdims = 0> (x, axes) }` },
    ]),
  ),
  'ReduceSum all': { graph: '(float[2,3] x) => (float y) { y = ReduceSum <keepdims = 0> (x) }' },
  'ReduceMean old': {
    graph: '(float[2,3,4] x) => (float[2,1,1] y) { y = ReduceMean <axes = [1, -1]> (x) }',
    opset: 11,
  },
  ReduceLogSum: {
    graph: '(float[2,3] x) => (float[2,1] y) <int64[1] axes = {1}> { e = Exp (x) y = ReduceLogSum (e, axes) }',
  },
  GlobalAveragePool: { graph: '(float[2,3,4,4] x) => (float[2,3,1,1] y) { y = GlobalAveragePool (x) }' },
  GlobalMaxPool: { graph: '(float[2,3,4,4] x) => (float[2,3,1,1] y) { y = GlobalMaxPool (x) }' },
  CumSum: { graph: '(float[2,5] x) => (float[2,5] y) <int64 axis = {1}> { y = CumSum <exclusive = 1> (x, axis) }' },
  TopK: { graph: '(float[2,5] x) => (float[2,2] y) <int64[1] k = {2}> { y, i = TopK (x, k) }' },
  'Softmax axis 1': { graph: '(float[2,3,4] x) => (float[2,3,4] y) { y = Softmax <axis = 1> (x) }' },
  'Softmax of opset 9': { graph: '(float[2,3,4] x) => (float[2,3,4] y) { y = Softmax <axis = 1> (x) }', opset: 9 },
  BatchNormalization: {
    graph:
      '(float[2,3,4] x, float[3] s, float[3] b) => (float[2,3,4] y) <float[3] m = {0.1, -0.2, 0.3}, float[3] v = {1, 2, 0.5}> { y = BatchNormalization (x, s, b, m, v) }',
    sources: ['x', 's', 'b'],
  },
  'BatchNormalization by the batch': {
    graph:
      '(float[4,3,2,2] x, float[3] s, float[3] b) => (float[4,3,2,2] y, float[3] rm, float[3] rv) <float[3] m = {0.1, -0.2, 0.3}, float[3] v = {1, 2, 0.5}> { y, rm, rv = BatchNormalization <training_mode = 1> (x, s, b, m, v) }',
    sources: ['x', 's', 'b'],
  },
  LayerNormalization: {
    graph: '(float[2,3,6] x, float[6] s, float[6] b) => (float[2,3,6] y) { y = LayerNormalization (x, s, b) }',
  },
  InstanceNormalization: {
    graph: '(float[2,3,4,4] x, float[3] s, float[3] b) => (float[2,3,4,4] y) { y = InstanceNormalization (x, s, b) }',
  },
  'GroupNormalization of channels': {
    graph:
      '(float[2,4,3,3] x, float[4] s, float[4] b) => (float[2,4,3,3] y) { y = GroupNormalization <num_groups = 2> (x, s, b) }',
    opset: 21,
  },
  LpNormalization: { graph: '(float[2,6] x) => (float[2,6] y) { y = LpNormalization <axis = 1, p = 2> (x) }' },
  MeanVarianceNormalization: {
    graph: '(float[2,3,4,4] x) => (float[2,3,4,4] y) { y = MeanVarianceNormalization (x) }',
  },
  Reshape: { graph: '(float[2,6] x) => (float[3,4] y) <int64[2] s = {3, 4}> { z = Tanh (x) y = Reshape (z, s) }' },
  'Flatten Squeeze Unsqueeze': {
    graph:
      '(float[2,1,6] x) => (float[1,12] y) <int64[1] a = {1}, int64[1] b = {0}> { z = Squeeze (x, a) f = Flatten (z) u = Unsqueeze (f, b) e = Exp (u) y = Flatten (e) }',
  },
  'Squeeze old': {
    graph: '(float[2,1,6] x) => (float[2,6] y) { z = Squeeze <axes = [1]> (x) y = Tanh (z) }',
    opset: 9,
  },
  Transpose: { graph: '(float[2,3,4] x) => (float[4,2,3] y) { z = Transpose <perm = [2, 0, 1]> (x) y = Tanh (z) }' },
  Concat: { graph: '(float[2,3] a, float[2,4] b) => (float[2,7] y) { z = Concat <axis = 1> (a, b) y = Tanh (z) }' },
  Split: {
    graph: '(float[2,7] x) => (float[2,3] y) <int64[2] s = {3, 4}> { a, b = Split <axis = 1> (x, s) y = Tanh (a) }',
  },
  'Split in two': {
    graph: '(float[2,6] x) => (float[2,3] y) { a, b = Split <axis = 1> (x) y = Mul (a, b) }',
    opset: 13,
  },
  Slice: {
    graph:
      '(float[4,9] x) => (float[2,3] y) <int64[2] s = {1, -2}, int64[2] e = {3, -9}, int64[2] a = {0, 1}, int64[2] t = {1, -3}> { z = Slice (x, s, e, a, t) y = Exp (z) }',
  },
  'Slice with steps': {
    graph:
      '(float[9] x) => (float[3] y) <int64[1] s = {1}, int64[1] e = {9}, int64[1] a = {0}, int64[1] t = {3}> { z = Slice (x, s, e, a, t) y = Exp (z) }',
  },
  'Slice old': {
    graph: '(float[4,9] x) => (float[2,9] y) { z = Slice <starts = [1], ends = [3]> (x) y = Exp (z) }',
    opset: 9,
  },
  Pad: { graph: '(float[2,3] x) => (float[4,5] y) <int64[4] p = {1, 2, 1, 0}> { z = Pad (x, p) y = Tanh (z) }' },
  'Pad reflect': {
    graph:
      '(float[2,5] x) => (float[2,9] y) <int64[4] p = {0, 2, 0, 2}> { z = Pad <mode = "reflect"> (x, p) y = Tanh (z) }',
  },
  'Pad edge': {
    graph:
      '(float[2,5] x) => (float[3,9] y) <int64[4] p = {1, 1, 0, 3}> { z = Pad <mode = "edge"> (x, p) y = Tanh (z) }',
  },
  Expand: { graph: '(float[3,1] x) => (float[2,3,4] y) <int64[3] s = {2, 3, 4}> { z = Expand (x, s) y = Tanh (z) }' },
  Tile: { graph: '(float[2,3] x) => (float[4,3] y) <int64[2] r = {2, 1}> { z = Tile (x, r) y = Exp (z) }' },
  DepthToSpace: {
    graph: '(float[1,8,2,3] x) => (float[1,2,4,6] y) { z = DepthToSpace <blocksize = 2> (x) y = Exp (z) }',
  },
  'DepthToSpace CRD': {
    graph:
      '(float[1,8,2,3] x) => (float[1,2,4,6] y) { z = DepthToSpace <blocksize = 2, mode = "CRD"> (x) y = Exp (z) }',
  },
  SpaceToDepth: {
    graph: '(float[1,2,4,6] x) => (float[1,8,2,3] y) { z = SpaceToDepth <blocksize = 2> (x) y = Exp (z) }',
  },
  Gather: {
    graph: '(float[4,3] x) => (float[2,2,3] y) <int64[2,2] i = {0, 2, -1, 2}> { z = Gather (x, i) y = Exp (z) }',
  },
  'Gather axis 1': {
    graph: '(float[2,4,3] x) => (float[2,3,3] y) <int64[3] i = {3, 0, 3}> { z = Gather <axis = 1> (x, i) y = Exp (z) }',
  },
  'Gather scalar': {
    graph: '(float[2,4,3] x) => (float[2,3] y) <int64 i = {1}> { z = Gather <axis = 1> (x, i) y = Exp (z) }',
  },
  GatherElements: {
    graph:
      '(float[3,3] x) => (float[2,3] y) <int64[2,3] i = {0, 2, 1, 0, 1, 1}> { z = GatherElements (x, i) y = Exp (z) }',
  },
  GatherND: {
    graph: '(float[3,4] x) => (float[2] y) <int64[2,2] i = {0, 1, 2, 3}> { z = GatherND (x, i) y = Exp (z) }',
  },
  'GatherND batched': {
    graph:
      '(float[2,3,4] x) => (float[2,4] y) <int64[2,1] i = {1, 2}> { z = GatherND <batch_dims = 1> (x, i) y = Exp (z) }',
  },
  ScatterElements: {
    graph:
      '(float[3,3] x, float[1,3] u) => (float[3,3] y) <int64[1,3] i = {1, 0, 2}> { z = ScatterElements (x, i, u) y = Exp (z) }',
  },
  ScatterND: {
    graph:
      '(float[4,3] x, float[2,3] u) => (float[4,3] y) <int64[2,1] i = {1, 3}> { z = ScatterND (x, i, u) y = Exp (z) }',
  },
  'ScatterND add': {
    graph:
      '(float[4,3] x, float[2,3] u) => (float[4,3] y) <int64[2,1] i = {1, 1}> { z = ScatterND <reduction = "add"> (x, i, u) y = Exp (z) }',
  },
  Conv: {
    graph:
      '(float[2,3,6,6] x, float[4,3,3,3] w, float[4] b) => (float[2,4,6,6] y) { y = Conv <pads = [1, 1, 1, 1]> (x, w, b) }',
  },
  'Conv many channels': {
    graph: '(float[2,9,6,5] x, float[4,9,3,3] w) => (float[2,4,6,5] y) { y = Conv <pads = [1, 1, 1, 1]> (x, w) }',
  },
  'Conv strided': {
    graph:
      '(float[2,9,7,6] x, float[4,9,3,3] w) => (float[2,4,4,3] y) { y = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w) }',
  },
  'Conv strided without padding': {
    graph: '(float[2,3,8,7] x, float[4,3,3,2] w) => (float[2,4,3,3] y) { y = Conv <strides = [2, 2]> (x, w) }',
  },
  'Conv 1x1 strided': {
    graph: '(float[2,8,7,6] x, float[4,8,1,1] w) => (float[2,4,4,3] y) { y = Conv <strides = [2, 2]> (x, w) }',
  },
  'Conv 1x1': { graph: '(float[2,8,3,4] x, float[4,8,1,1] w) => (float[2,4,3,4] y) { y = Conv (x, w) }' },
  'Conv dilated': {
    graph:
      '(float[1,8,8,8] x, float[2,8,3,3] w) => (float[1,2,8,8] y) { y = Conv <pads = [2, 2, 2, 2], dilations = [2, 2]> (x, w) }',
  },
  'Conv grouped': {
    graph:
      '(float[2,4,5,5] x, float[6,2,3,3] w) => (float[2,6,5,5] y) { y = Conv <group = 2, pads = [1, 1, 1, 1]> (x, w) }',
  },
  'Conv depthwise strided': {
    graph:
      '(float[2,4,7,7] x, float[4,1,3,3] w) => (float[2,4,4,4] y) { y = Conv <group = 4, pads = [1, 1, 1, 1], strides = [2, 2]> (x, w) }',
  },
  'Conv of one axis': {
    graph: '(float[2,8,9] x, float[4,8,3] w) => (float[2,4,5] y) { y = Conv <strides = [2], pads = [2, 0]> (x, w) }',
  },
  'Conv of a single place': {
    graph: '(float[2,8,1] x, float[4,8,3] w) => (float[2,4,1] y) { y = Conv <pads = [1, 1]> (x, w) }',
  },
  'Conv of three axes': {
    graph: '(float[1,2,4,4,4] x, float[2,2,2,2,2] w) => (float[1,2,3,3,3] y) { y = Conv (x, w) }',
  },
  'Conv auto_pad': {
    graph:
      '(float[1,3,6,6] x, float[4,3,3,3] w) => (float[1,4,3,3] y) { y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w) }',
  },
  'Conv with much padding': {
    graph: '(float[1,3,4,4] x, float[2,3,2,2] w) => (float[1,2,7,7] y) { y = Conv <pads = [2, 2, 2, 2]> (x, w) }',
  },
  ConvTranspose: {
    graph:
      '(float[1,3,4,4] x, float[3,2,3,3] w, float[2] b) => (float[1,2,9,9] y) { y = ConvTranspose <strides = [2, 2]> (x, w, b) }',
  },
  'ConvTranspose padded': {
    graph:
      '(float[1,3,4,4] x, float[3,2,3,3] w) => (float[1,2,8,8] y) { y = ConvTranspose <strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]> (x, w) }',
  },
  'Conv depthwise, two outputs a channel, dilated': {
    graph:
      '(float[2,3,9,8] x, float[6,1,3,2] w) => (float[2,6,5,8] y) { y = Conv <group = 3, pads = [0, 1, 0, 1], dilations = [2, 2]> (x, w) }',
  },
  'Conv depthwise, a last row not seen': {
    graph:
      '(float[2,3,8,8] x, float[3,1,3,3] w) => (float[2,3,3,3] y) { y = Conv <group = 3, strides = [2, 2]> (x, w) }',
  },
  'Conv depthwise, one axis': {
    graph:
      '(float[2,3,9] x, float[3,1,4] w) => (float[2,3,5] y) { y = Conv <group = 3, pads = [2, 1], strides = [2]> (x, w) }',
  },
  'ConvTranspose grouped': {
    graph:
      '(float[1,4,4,4] x, float[4,1,3,3] w) => (float[1,2,9,9] y) { y = ConvTranspose <strides = [2, 2], group = 2> (x, w) }',
  },
  MaxPool: {
    graph: '(float[2,3,6,6] x) => (float[2,3,3,3] y) { y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x) }',
  },
  'MaxPool overlapping': {
    graph:
      '(float[1,2,6,6] x) => (float[1,2,3,3] y) { y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 0, 0]> (x) }',
  },
  'If always taken': {
    graph:
      '(float[2,3] x) => (float[2,3] y) { s = Shape (x) z = Constant <value_ints = [0]> () n = Gather (s, z) two = Constant <value_ints = [2]> () e = Equal (n, two) o = Constant <value_ints = [0]> () c = Squeeze (e, o) y = If <then_branch = then_graph () => (float[2,3] t) { t = Tanh (x) }, else_branch = else_graph () => (float[2,3] f) { f = Exp (x) }> (c) }',
  },
  'Dropout of inference': unary('y = Dropout (x)'),
  Cast: {
    graph:
      '(float[2,3] x) => (float[2,3] y) { i = Cast <to = 7> (x) f = Cast <to = 1> (i) e = Exp (x) y = Add (e, f) }',
    tolerance: 10,
  },
  'shape arithmetic': {
    graph:
      '(float[2,6] x) => (float[2,2,3] y) { s = Shape (x) zero = Constant <value_ints = [0]> () n = Gather (s, zero) rest = Constant <value_ints = [2, 3]> () t = Concat <axis = 0> (n, rest) z = Exp (x) y = Reshape (z, t) }',
  },
};

test.each(Object.entries(cases))('%s', async (_, { graph, opset = 18, sources, tolerance = 0.02 }) => {
  const model = parseModel(`<ir_version: 8, opset_import: ["": ${opset}]> g ${graph}`);
  const { checks, obstacles } = await checkGradients(model, feedsFor(model, 3), engine, { sources });
  expect(obstacles).toEqual([]);
  expect(checks.length).toBeGreaterThan(0);
  for (const { source, error } of checks)
    expect([source, error < tolerance ? 'agrees' : error]).toEqual([source, 'agrees']);
});
