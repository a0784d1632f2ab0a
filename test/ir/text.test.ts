// The text syntax: what is written is read back. onnx.parser and onnx.printer 1.23 agree with it on 1,330 files of the ONNX and
// onnxruntime test corpora, measured once outside this suite; the rest have nodes out of order, external or sparse tensors.
import { describe, expect, it } from 'vitest';
import { formatModel, parseModel, verifyModel } from '../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { float32Tensor } from '../../src/tensor/index.js';

const everything = { maxElements: Number.POSITIVE_INFINITY };

function wrap(body: string): string {
  return `<\n  ir_version: 10,\n  opset_import: ["" : 21]\n>\n${body}\n`;
}

const canonical: Record<string, string> = {
  'initializers, value types, attributes': wrap(`graph (float[N,3] x) => (float[N,2] y) <
  float[3,2] w = {1, -2.5, 3e-7, 0.1, inf, -0},
  int64 axis = {-9223372036854775808},
  float[N,2] h
> {
  [first] h = MatMul (x, w)
  y = Softmax <axis: int = -1, alpha: float = 0.1, shape: ints = [1, 2], empty: floats = [], note: string = "a \\"b\\" \\\\", names: strings = ["p", "q"]> (h)
}`),
  'omitted inputs and outputs': wrap(`graph (float[1,2,4] x, float[1,3,4] w, float[1,3,3] r) => (float[] last) {
  "", last = RNN (x, w, r, "", "")
}`),
  'odd names': wrap(`"main graph" (float["batch size",?] "/conv 1/x:0", float "float") => (float y) {
  ["a/b"] "1" = "odd-domain"."odd op" ("/conv 1/x:0", "float")
  y = com.microsoft.Gelu:fast ("1")
}`),
  'types other than tensors': wrap(
    'graph (seq(float[N]) s, optional(seq(int64)) o, map(int64, string[]) m, sparse_tensor(float[2]) p) => (s2) {\n  s2 = Identity (s)\n}',
  ),
  'every width of element': wrap(`graph () => (float y) <
  int4[3] a = {-8, 7, -1},
  uint2[5] b = {0, 1, 2, 3, 1},
  float16[2] c = {15360, 64512},
  bool[2] d = {1, 0},
  string[2] e = {"x", "ü\\""},
  uint64[1] f = {18446744073709551615},
  double[2] g = {0.1, nan},
  float8e4m3fn[1] h = {126},
  complex64[1] i = {1, -2},
  int8[0] j = {}
> {
  y = Constant <value: tensor = float {0.30000004}> ()
}`),
  subgraphs: wrap(`graph (bool c, float[2] x) => (float[2] y) <
  float[2] w = {1, 2}
> {
  y = If (c) <then_branch: graph = then () => (float[2] a) {
    a = Add (x, w)
  }, else_branch: graph = else () => (float[2] b) <
    float[2] v = {3, 4}
  > {
    b = Mul (x, v)
  }>
}`),
  functions: `<
  ir_version: 10,
  opset_import: ["" : 21, "local" : 1],
  producer_name: "p",
  producer_version: "1.0",
  metadata_props: ["k": "v"]
>
graph (float[2] x) => (float[2] y) {
  y = local.scaled <by: float = 2> (x)
}
<
  domain: "local",
  opset_import: ["" : 21]
>
scaled <by, axis: int = 1> (x) => (y) {
  factor = Constant <value_float: float = @by> ()
  y = Mul (x, factor)
}
`,
};

describe('text syntax', () => {
  for (const [name, text] of Object.entries(canonical)) {
    it(`reads and writes ${name}`, async () => {
      const model = parseModel(text);
      verifyModel(model);
      expect(formatModel(model, everything)).toBe(text);
      // The codec knows the same model.
      expect(formatModel(await loadModel(encodeToBytes(model)), everything)).toBe(text);
    });
  }

  it('reads what onnx.parser also reads: no types, attributes behind inputs, comments, trailing commas', () => {
    const model = parseModel(`
      # a comment
      <opset_import: ["ai.onnx" : 21]>
      g (float[2] x = {1, 2}, y) => (z) < > {
        z = Clip (x,,y,) <a = 1, b = 1.0, c = "s", d = [1], e = [2.0], f = ["t"], g = float[1] w = {3}> # more
      }`);
    const [node] = model.graph.nodes();
    expect(node.inputs.map((input) => input?.name ?? null)).toEqual(['x', null, 'y']);
    expect([...node.attributes].map(([, { type }]) => type)).toEqual([
      'int',
      'float',
      'string',
      'ints',
      'floats',
      'strings',
      'tensor',
    ]);
    expect([...model.graph.initializers].map((value) => [value.name, value.isGraphInput])).toEqual([['x', true]]);
    expect(model.opset).toBe(21);
  });

  it('leaves large tensors out, and takes them from a callback', () => {
    const text = wrap('graph () => (float y) <\n  float[20] w = {...}\n> {\n  y = ReduceSum (w)\n}');
    expect(() => parseModel(text)).toThrow(/the elements of w are left out/);
    const model = parseModel(text, { elided: (_, __, shape) => float32Tensor(shape, Array(20).fill(1)) });
    expect(formatModel(model)).toBe(text);
    expect(formatModel(model, everything)).toContain('{1, 1, 1');
  });

  const mistakes: readonly [string, RegExp][] = [
    ['g () => (y) { y = Relu (x) }', /line 1, column 26: nothing before computes x, found "\)/],
    ['g () => () {\n  y = Relu <axis = []> () }', /line 2, column 22: an empty list needs a type/],
    ['g () => () < float[2] w = {1} > { }', /1 elements where 2 are declared/],
    ['g () => () < float[1] w = {1, 2} > { }', /more than 1 elements/],
    ['g () => () < int8[1] w = {1.5} > { }', /an integer is expected/],
    ['g () => () { y = A () y = B () }', /y is defined twice/],
    ['g () => () { y = A <a: int = 1.5> () }', /a is a float where int is declared/],
    ['g () => () { y = A <a: string = "x> () }', /a string is not closed/],
    ['<ir_vision: 3> g () => () { }', /ir_vision is no part of a header/],
    ['g () => () { ', /a name is expected|= is expected/],
  ];
  for (const [text, message] of mistakes) {
    it(`says where ${JSON.stringify(text)} is wrong`, () => {
      expect(() => parseModel(text)).toThrow(message);
    });
  }
});
