// One-node models that tell what a runtime computes with integers: each operator between QuantizeLinear and DequantizeLinear, and the
// integer operators themselves, for each type of element.

/** A model in ONNX's text syntax, which has no other inputs than `x`. */
export interface ProbeCase {
  /** `qdq Add uint8`, `op QLinearAdd int8`. */
  readonly name: string;
  readonly text: string;
}

export const activationTypes = ['uint8', 'int8', 'uint16', 'int16'] as const;
export const weightTypes = ['int8', 'uint8'] as const;

/** Operators of one activation `a`, `b` being another, that keep the grid of what they take. */
const sharing: Readonly<Record<string, string>> = {
  MaxPool: 'r = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)',
  Reshape: 'r = Reshape (a, shape)',
  Flatten: 'r = Flatten (a)',
  Transpose: 'r = Transpose <perm = [0, 2, 3, 1]> (a)',
  Squeeze: 'r = Squeeze (a, axis0)',
  Unsqueeze: 'r = Unsqueeze (a, axis0)',
  Slice: 'r = Slice (a, one, two, one)',
  Split: 'r, s = Split <axis = 1> (a, halves)',
  DepthToSpace: 'r = DepthToSpace <blocksize = 2> (a)',
  SpaceToDepth: 'r = SpaceToDepth <blocksize = 2> (a)',
  'Resize nearest': 'r = Resize <mode = "nearest"> (a, , scales)',
  'Resize linear': 'r = Resize <mode = "linear"> (a, , scales)',
  'Pad constant': 'r = Pad (a, pads)',
  'Pad reflect': 'r = Pad <mode = "reflect"> (a, pads)',
  'Pad edge': 'r = Pad <mode = "edge"> (a, pads)',
  Gather: 'r = Gather <axis = 1> (a, one)',
  GatherElements: 'r = GatherElements <axis = 0> (a, zeros)',
  Expand: 'r = Expand (a, wide)',
  Tile: 'r = Tile (a, repeats)',
  Identity: 'r = Identity (a)',
  ReduceMax: 'r = ReduceMax <axes = [2, 3]> (a)',
  ReduceMin: 'r = ReduceMin <axes = [2, 3]> (a)',
  Max: 'r = Max (a, a)',
};

/** Operators whose result has a grid of its own. */
const computing: Readonly<Record<string, string>> = {
  Add: 'r = Add (a, b)',
  Sub: 'r = Sub (a, b)',
  Mul: 'r = Mul (a, b)',
  Div: 'r = Div (a, b)',
  Concat: 'r = Concat <axis = 1> (a, b)',
  AveragePool: 'r = AveragePool <kernel_shape = [2, 2]> (a)',
  GlobalAveragePool: 'r = GlobalAveragePool (a)',
  ReduceMean: 'r = ReduceMean <axes = [2, 3]> (a)',
  ReduceSum: 'r = ReduceSum (a, axis2)',
  LeakyRelu: 'r = LeakyRelu <alpha = 0.1> (a)',
  PRelu: 'r = PRelu (a, slope)',
  Relu: 'r = Relu (a)',
  Clip: 'r = Clip (a, low, high)',
  Sigmoid: 'r = Sigmoid (a)',
  HardSigmoid: 'r = HardSigmoid (a)',
  HardSwish: 'r = HardSwish (a)',
  Softmax: 'r = Softmax <axis = 1> (a)',
  Tanh: 'r = Tanh (a)',
  Exp: 'r = Exp (a)',
  Elu: 'r = Elu (a)',
  Sqrt: 'r = Sqrt (c)',
  Where: 'r = Where (mask, a, b)',
  MatMul: 'r = MatMul (a, b)',
};

const linear: Readonly<Record<string, string>> = {
  Conv: 'r = Conv <pads = [1, 1, 1, 1]> (a, w)',
  'Conv depthwise': 'r = Conv <group = 4> (a, d)',
  ConvTranspose: 'r = ConvTranspose (a, w)',
  'MatMul weights': 'r = MatMul (a, m)',
  Gemm: 'r = Gemm (a, g)',
};

const constants = `int64[4] shape = {1, 2, 8, 4}, int64[1] axis0 = {0}, int64[1] axis2 = {2}, int64[1] one = {1}, int64[1] two = {2}, int64[2] halves = {2, 2},
  float[4] scales = {1.0, 1.0, 2.0, 2.0}, int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}, int64[4] wide = {2, 4, 4, 4}, int64[4] repeats = {1, 1, 2, 1},
  int64[1,4,4,4] zeros = {${new Array(64).fill(0).join(', ')}}, float[4,1,1] slope = {0.1, 0.2, 0.3, 0.4}, float low = {0.0}, float high = {6.0},
  bool[1] mask = {1}`;

/** Numbers of a weight: varied, and the same ones each time. */
function integers(count: number, middle: number): string {
  return Array.from({ length: count }, (_, index) => middle + ((index * 37 + 11) % 15) - 7).join(', ');
}

function pair(name: string, from: string, zero: string, domain: string): string {
  return `${name}_q = ${domain}QuantizeLinear (${from}, step, ${zero})
  ${name} = ${domain}DequantizeLinear (${name}_q, step, ${zero})`;
}

/** `body` between dequantized `a` and `b`, and its result quantized. */
function qdqCase(
  operator: string,
  body: string,
  type: string,
  { ownGrid, weight = 'int8' }: { readonly ownGrid: boolean; readonly weight?: string },
): ProbeCase {
  const middle = type.startsWith('u') ? 2 ** (type === 'uint8' ? 7 : 15) : 0;
  const domain = type.endsWith('16') ? 'com.microsoft.' : '';
  const weightMiddle = weight === 'uint8' ? 128 : 0;
  const weights = linear[operator]
    ? `${weight}[4,4,3,3] w_q = {${integers(144, weightMiddle)}}, ${weight}[4,1,3,3] d_q = {${integers(36, weightMiddle)}}, ${weight}[4,4] m_q = {${integers(16, weightMiddle)}},
  ${weight}[64,4] g_q = {${integers(256, weightMiddle)}}, float w_step = {0.01}, ${weight} w_zero = {${weightMiddle}}`
    : 'float unused = {0.0}';
  const restored = linear[operator]
    ? ['w', 'd', 'm', 'g']
        .filter((name) => new RegExp(`\\b${name}\\)`).test(body))
        .map((name) => `${name} = ${domain}DequantizeLinear (${name}_q, w_step, w_zero)`)
        .join('\n  ')
    : '';
  const used = (name: string): boolean => new RegExp(`[ (]${name}[,)]`).test(body);
  const results = body.startsWith('r, s') ? ['r', 's'] : ['r'];
  return {
    name: `qdq ${operator} ${type}${operator in linear ? ` ${weight}` : ''}`,
    text: `<ir_version: 8, opset_import: ["" : ${operator === 'ReduceMean' ? 13 : 17}, "com.microsoft" : 1]>
probe (float[1,4,4,4] x) => (float[] y) <
  ${constants}, float step = {0.02}, ${type} zero = {${middle}}, float result_step = {0.03}, ${type} result_zero = {${middle}}, ${weights}
> {
  ${operator === 'Gemm' ? 'x0 = Flatten (x)' : 'x0 = Identity (x)'}
  ${used('a') ? pair('a', 'x0', 'zero', domain) : ''}
  ${used('b') ? `x2 = Neg (x)\n  ${pair('b', 'x2', 'zero', domain)}` : ''}
  ${used('c') ? `x3 = Abs (x)\n  ${pair('c', 'x3', 'zero', domain)}` : ''}
  ${restored}
  ${body}
  ${results
    .map((name, index) => {
      const grid = ownGrid ? 'result_step, result_zero' : 'step, zero';
      const output = index === 0 ? 'y' : 'y2';
      return `${name}_q = ${domain}QuantizeLinear (${name}, ${grid})\n  ${output} = ${domain}DequantizeLinear (${name}_q, ${grid})`;
    })
    .join('\n  ')}
}`,
  };
}

/** Integer operators on `q`, `p` being another integer tensor of one type: what stands in a QOperator graph. */
const integerOperators: Readonly<Record<string, string>> = {
  ...sharing,
  Clip: 'r = Clip (a, zero, most)',
  Concat: 'r = Concat <axis = 1> (a, a)',
  Where: 'r = Where (mask, a, a)',
  QLinearConv: 'r = QLinearConv <pads = [1, 1, 1, 1]> (a, step, zero, w_q, w_step, w_zero, step, zero)',
  QLinearMatMul: 'r = QLinearMatMul (a, step, zero, m_q, w_step, w_zero, step, zero)',
  QGemm: 'f = Flatten (a) r = com.microsoft.QGemm (f, step, zero, g_q, w_step, w_zero, , step, zero)',
  QLinearAdd: 'r = com.microsoft.QLinearAdd (a, step, zero, a, step, zero, step, zero)',
  QLinearMul: 'r = com.microsoft.QLinearMul (a, step, zero, a, step, zero, step, zero)',
  QLinearConcat: 'r = com.microsoft.QLinearConcat <axis = 1> (step, zero, a, step, zero, a, step, zero)',
  QLinearAveragePool: 'r = com.microsoft.QLinearAveragePool <kernel_shape = [2, 2]> (a, step, zero, step, zero)',
  QLinearGlobalAveragePool: 'r = com.microsoft.QLinearGlobalAveragePool (a, step, zero, step, zero)',
  QLinearLeakyRelu: 'r = com.microsoft.QLinearLeakyRelu <alpha = 0.1> (a, step, zero, step, zero)',
  QLinearSigmoid: 'r = com.microsoft.QLinearSigmoid (a, step, zero, step, zero)',
  QLinearSoftmax: 'r = com.microsoft.QLinearSoftmax <axis = 1, opset = 13> (a, step, zero, step, zero)',
  QLinearWhere: 'r = com.microsoft.QLinearWhere (mask, a, step, zero, a, step, zero, step, zero)',
};

const weighted: ReadonlySet<string> = new Set(['QLinearConv', 'QLinearMatMul', 'QGemm']);

function integerCase(operator: string, body: string, type: string, weight: string): ProbeCase {
  const middle = type.startsWith('u') ? 2 ** (type === 'uint8' ? 7 : 15) : 0;
  const domain = type.endsWith('16') ? 'com.microsoft.' : '';
  const weightMiddle = weight === 'uint8' ? 128 : 0;
  return {
    name: `op ${operator} ${type}${weighted.has(operator) ? ` ${weight}` : ''}`,
    text: `<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
probe (float[1,4,4,4] x) => (float[] y) <
  ${constants}, float step = {0.02}, ${type} zero = {${middle}}, ${type} most = {${middle + 100}}, ${weight}[4,4,3,3] w_q = {${integers(144, weightMiddle)}},
  ${weight}[4,4] m_q = {${integers(16, weightMiddle)}}, ${weight}[64,4] g_q = {${integers(256, weightMiddle)}}, float w_step = {0.01}, ${weight} w_zero = {${weightMiddle}}
> {
  a = ${domain}QuantizeLinear (x, step, zero)
  ${body}
  y = ${domain}DequantizeLinear (r, step, zero)
}`,
  };
}

/** Whether the runtime reads models of an opset. */
function opsetCase(opset: number): ProbeCase {
  return {
    name: `opset ${opset}`,
    text: `<ir_version: 8, opset_import: ["" : ${opset}]> probe (float[1,4,4,4] x) => (float[] y) { y = Relu (x) }`,
  };
}

const opsets = [17, 18, 19, 20, 21, 22, 23, 24, 25];

/** In the order in which they are run and printed. */
export function probeCases(): ProbeCase[] {
  const cases: ProbeCase[] = opsets.map(opsetCase);
  for (const type of activationTypes) {
    for (const [operator, body] of Object.entries(sharing))
      cases.push(qdqCase(operator, body, type, { ownGrid: false }));
    for (const [operator, body] of Object.entries(computing))
      cases.push(qdqCase(operator, body, type, { ownGrid: true }));
    for (const [operator, body] of Object.entries(linear)) {
      for (const weight of weightTypes) cases.push(qdqCase(operator, body, type, { ownGrid: true, weight }));
    }
    for (const [operator, body] of Object.entries(integerOperators)) {
      for (const weight of weighted.has(operator) ? weightTypes : ['int8'])
        cases.push(integerCase(operator, body, type, weight));
    }
  }
  return cases;
}
