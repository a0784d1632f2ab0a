// One small model for every operator that the TensorFlow.js engine knows.

export interface Case {
  /** Shapes of float inputs a, b, c … */
  readonly shapes: readonly (readonly number[])[];
  /** Constants by name: float or int64 text. */
  readonly constants?: string;
  readonly body: string;
  /** Name and type of further outputs. */
  readonly outputs?: string;
  /** Inputs above 0. */
  readonly positive?: boolean;
  readonly indices?: { readonly shape: readonly number[]; readonly values: readonly number[] };
}

const unary = (op: string, positive = false): [string, Case] => [
  op,
  { shapes: [[2, 3, 4]], body: `y = ${op} (a)`, positive },
];
const binary = (op: string, positive = false): [string, Case] => [
  op,
  {
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
    body: `y = ${op} (a, b)`,
    positive,
  },
];
const compare = (op: string): [string, Case] => [
  op,
  {
    shapes: [
      [2, 3, 4],
      [3, 4],
    ],
    body: `t = ${op} (a, b)\n y = Cast <to = 1> (t)`,
  },
];
const reduce = (op: string): [string, Case] => [
  op,
  {
    shapes: [[2, 3, 4]],
    constants: 'int64[2] axes = {0, 2}',
    body: `y = ${op} <keepdims = 0> (a, axes)`,
    positive: true,
  },
];

export const cases: readonly (readonly [string, Case])[] = [
  ...[
    'Abs',
    'Neg',
    'Exp',
    'Sigmoid',
    'Tanh',
    'Relu',
    'Erf',
    'Sign',
    'Floor',
    'Ceil',
    'Round',
    'Sin',
    'Cos',
    'Sinh',
    'Cosh',
    'Softplus',
    'Softsign',
    'Identity',
    'Elu',
    'LeakyRelu',
    'HardSigmoid',
    'HardSwish',
  ].map((op) => unary(op)),
  ...['Log', 'Sqrt', 'Reciprocal'].map((op) => unary(op, true)),
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'PRelu'].map((op) => binary(op)),
  binary('Pow', true),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map(compare),
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSum',
    'ReduceLogSumExp',
  ].map(reduce),
  ['Clip', { shapes: [[3, 4]], constants: 'float low = {-0.5}, float high = {0.7}', body: 'y = Clip (a, low, high)' }],
  [
    'Where',
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      body: 't = Less (a, b)\n y = Where (t, a, b)',
    },
  ],
  [
    'And, Or, Not',
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      body: 't = Less (a, b)\n n = Not (t)\n z = Or (t, n)\n w = And (z, t)\n y = Cast <to = 1> (w)',
    },
  ],
  [
    'Cast to integers',
    {
      shapes: [[20]],
      constants: 'float k = {3}',
      body: 's = Mul (a, k)\n t = Cast <to = 7> (s)\n y = Cast <to = 1> (t)',
    },
  ],
  [
    'MatMul of batches',
    {
      shapes: [
        [2, 3, 4],
        [2, 4, 5],
      ],
      body: 'y = MatMul (a, b)',
    },
  ],
  [
    'MatMul with a matrix',
    {
      shapes: [
        [2, 3, 4],
        [4, 5],
      ],
      body: 'y = MatMul (a, b)',
    },
  ],
  [
    'MatMul broadcasting',
    {
      shapes: [
        [2, 1, 3, 4],
        [5, 4, 2],
      ],
      body: 'y = MatMul (a, b)',
    },
  ],
  ['MatMul with a vector', { shapes: [[3, 4], [4]], body: 'y = MatMul (a, b)' }],
  [
    'Gemm',
    { shapes: [[4, 3], [5, 4], [5]], body: 'y = Gemm <transA = 1, transB = 1, alpha = 0.5, beta = 2.0> (a, b, c)' },
  ],
  [
    'Conv',
    { shapes: [[2, 3, 7, 8], [4, 3, 3, 3], [4]], body: 'y = Conv <pads = [1, 0, 2, 1], strides = [2, 1]> (a, b, c)' },
  ],
  [
    'Conv, dilated',
    {
      shapes: [
        [1, 3, 9, 9],
        [4, 3, 3, 3],
      ],
      body: 'y = Conv <pads = [2, 2, 2, 2], dilations = [2, 2]> (a, b)',
    },
  ],
  [
    'Conv, grouped',
    {
      shapes: [
        [2, 4, 5, 5],
        [6, 2, 3, 3],
      ],
      body: 'y = Conv <group = 2> (a, b)',
    },
  ],
  [
    'Conv, depthwise',
    { shapes: [[2, 3, 6, 6], [6, 1, 3, 3], [6]], body: 'y = Conv <group = 3, pads = [1, 1, 1, 1]> (a, b, c)' },
  ],
  [
    'Conv over one axis',
    {
      shapes: [
        [2, 3, 9],
        [4, 3, 3],
      ],
      body: 'y = Conv <pads = [2, 1], strides = [2]> (a, b)',
    },
  ],
  [
    'ConvTranspose',
    {
      shapes: [[2, 4, 4, 5], [4, 3, 3, 3], [3]],
      body: 'y = ConvTranspose <strides = [2, 2], pads = [1, 0, 1, 2], output_padding = [1, 0]> (a, b, c)',
    },
  ],
  [
    'ConvTranspose, grouped',
    {
      shapes: [
        [1, 4, 4, 4],
        [4, 2, 2, 2],
      ],
      body: 'y = ConvTranspose <group = 2, strides = [3, 2]> (a, b)',
    },
  ],
  [
    'MaxPool with indices',
    {
      shapes: [[2, 3, 7, 6]],
      body: 'y, n = MaxPool <kernel_shape = [3, 2], strides = [2, 2], pads = [1, 0, 1, 0]> (a)',
      outputs: 'int64[] n',
    },
  ],
  [
    'MaxPool, rounded up',
    { shapes: [[1, 2, 6, 7]], body: 'y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (a)' },
  ],
  [
    'AveragePool',
    {
      shapes: [[1, 2, 6, 7]],
      body: 'y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (a)',
    },
  ],
  [
    'AveragePool, padding counted',
    {
      shapes: [[1, 2, 6, 7]],
      body: 'y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1> (a)',
    },
  ],
  ['GlobalAveragePool', { shapes: [[2, 3, 4, 5]], body: 'y = GlobalAveragePool (a)' }],
  ['Reshape', { shapes: [[2, 3, 4]], constants: 'int64[2] s = {0, -1}', body: 'y = Reshape (a, s)' }],
  ['Flatten', { shapes: [[2, 3, 4]], body: 'y = Flatten <axis = 2> (a)' }],
  [
    'Squeeze and Unsqueeze',
    {
      shapes: [[2, 1, 4]],
      constants: 'int64[1] one = {1}, int64[2] two = {0, -1}',
      body: 't = Squeeze (a, one)\n y = Unsqueeze (t, two)',
    },
  ],
  ['Transpose', { shapes: [[2, 3, 4]], body: 'y = Transpose <perm = [2, 0, 1]> (a)' }],
  [
    'Concat',
    {
      shapes: [
        [2, 3],
        [2, 4],
      ],
      body: 'y = Concat <axis = 1> (a, b)',
    },
  ],
  [
    'Split',
    {
      shapes: [[2, 5]],
      constants: 'int64[2] s = {2, 3}',
      body: 'y, z = Split <axis = 1> (a, s)',
      outputs: 'float[] z',
    },
  ],
  [
    'Slice',
    {
      shapes: [[5, 6]],
      constants: 'int64[2] from = {1, -1}, int64[2] to = {5, -7}, int64[2] axes = {0, 1}, int64[2] steps = {2, -1}',
      body: 'y = Slice (a, from, to, axes, steps)',
    },
  ],
  ['Pad', { shapes: [[3, 4]], constants: 'int64[4] p = {1, -1, 0, 2}, float v = {9}', body: 'y = Pad (a, p, v)' }],
  ['Expand', { shapes: [[3, 1]], constants: 'int64[3] s = {2, 1, 4}', body: 'y = Expand (a, s)' }],
  ['Tile', { shapes: [[2, 3]], constants: 'int64[2] s = {2, 2}', body: 'y = Tile (a, s)' }],
  ['DepthToSpace', { shapes: [[1, 8, 2, 3]], body: 'y = DepthToSpace <blocksize = 2, mode = "CRD"> (a)' }],
  ['SpaceToDepth', { shapes: [[1, 2, 4, 6]], body: 'y = SpaceToDepth <blocksize = 2> (a)' }],
  [
    'CumSum',
    { shapes: [[3, 4]], constants: 'int64 axis = {1}', body: 'y = CumSum <reverse = 1, exclusive = 1> (a, axis)' },
  ],
  ['Gather', { shapes: [[5, 3]], indices: { shape: [2, 2], values: [4, 0, -1, 2] }, body: 'y = Gather (a, i)' }],
  [
    'GatherElements',
    {
      shapes: [[3, 4]],
      indices: { shape: [3, 2], values: [3, 0, -1, 2, 1, 1] },
      body: 'y = GatherElements <axis = 1> (a, i)',
    },
  ],
  [
    'ScatterElements',
    {
      shapes: [
        [3, 4],
        [2, 4],
      ],
      indices: { shape: [2, 4], values: [0, 1, 2, 2, 0, 1, 2, 0] },
      body: 'y = ScatterElements <axis = 0, reduction = "add"> (a, i, b)',
    },
  ],
  ['GatherND', { shapes: [[3, 4]], indices: { shape: [2, 2], values: [2, 3, 0, 1] }, body: 'y = GatherND (a, i)' }],
  [
    'ScatterND',
    {
      shapes: [
        [4, 3],
        [3, 3],
      ],
      indices: { shape: [3, 1], values: [2, 0, 2] },
      body: 'y = ScatterND <reduction = "add"> (a, i, b)',
    },
  ],
  [
    'ScatterND, replacing',
    {
      shapes: [
        [4, 3],
        [2, 3],
      ],
      indices: { shape: [2, 1], values: [2, 0] },
      body: 'y = ScatterND (a, i, b)',
    },
  ],
  [
    'OneHot',
    {
      shapes: [[3, 3]],
      constants: 'int64 d = {3}, float[2] v = {0, 1}',
      indices: { shape: [3], values: [2, 0, 1] },
      body: 'h = OneHot (i, d, v)\n y = Mul (h, a)',
    },
  ],
  ['ArgMax', { shapes: [[3, 5]], body: 't = ArgMax <axis = 1, keepdims = 0> (a)\n y = Cast <to = 1> (t)' }],
  ['Softmax', { shapes: [[2, 3, 4]], body: 'y = Softmax <axis = 1> (a)' }],
  ['LogSoftmax', { shapes: [[2, 3, 4]], body: 'y = LogSoftmax (a)' }],
  [
    'LayerNormalization',
    { shapes: [[2, 3, 4], [4], [4]], body: 'y, m, v = LayerNormalization (a, b, c)', outputs: 'float[] m, float[] v' },
  ],
  [
    'BatchNormalization',
    { shapes: [[2, 3, 4], [3], [3], [3], [3]], body: 'y = BatchNormalization (a, b, c, d, e)', positive: true },
  ],
  ['InstanceNormalization', { shapes: [[2, 3, 4, 2], [3], [3]], body: 'y = InstanceNormalization (a, b, c)' }],
  [
    'QuantizeLinear and DequantizeLinear',
    {
      shapes: [[3, 4]],
      constants: 'float[4] s = {0.1, 0.2, 0.3, 0.05}, int8[4] z = {0, 1, -2, 3}',
      body: 'q = QuantizeLinear <axis = 1> (a, s, z)\n y = DequantizeLinear <axis = 1> (q, s, z)',
    },
  ],
];
