// Raising opsets: the table against the operator schemas of ONNX (onnx.defs 1.23: which of the versions 8 to 11 changed attributes or
// required inputs), models that may or may not be raised, and what raised ones compute.
import { describe, expect, it } from 'vitest';
import { type Model, parseModel } from '../../src/ir/index.js';
import { raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { feedsFor, outputsOf } from '../fixture-models.js';

function modelOf(opset: number, body: string): Model {
  return parseModel(`<ir_version: 4, opset_import: ["" : ${opset}]>\ntest (float[1,3,8,8] x) => (y) {\n${body}\n}`);
}

describe('whyNotRaised', () => {
  it.each([
    [7, 'y = Relu (x)'],
    [9, 'y = Flatten <axis = 1> (x)'],
    [9, 'y = Softmax <axis = 1> (x)'],
    [7, 'y, mask = Dropout (x)'],
    [10, 'y = Slice <> (x, x, x)'],
    [8, 'y = "com.example".Clip (x)'],
    [13, 'y = Clip (x)'],
  ])('finds nothing against opset %i with %s', (opset, body) => {
    expect(whyNotRaised(modelOf(opset, body), 11)).toBeNull();
  });

  it.each([
    [6, 'y = Relu (x)', 'opset 6'],
    [7, 'h = Cast <to = 10> (x) c = Clip <min = 0.0, max = 6.0> (h) y = Cast <to = 1> (c)', 'Clip changed in opset 11'],
    [
      10,
      'h = Cast <to = 11> (x) p = Pad <pads = [0, 0, 0, 0, 0, 0, 0, 1], value = 1.0> (h) y = Cast <to = 1> (p)',
      'Pad changed in opset 11',
    ],
    [9, 'y = Upsample <mode = "nearest"> (x, x)', 'Upsample changed in opset 10'],
    [10, 'y = Resize (x, x)', 'Resize changed in opset 11'],
    [9, 'h, y = Dropout (x)', 'Dropout changed in opset 10'],
    [7, 'y = ImageScaler <scale = 2.0> (x)', 'ImageScaler changed in opset 10'],
    [7, 'y = BatchNormalization <spatial = 0> (x, x, x, x, x)', 'BatchNormalization changed in opset 9'],
  ])('names what stands in the way of opset %i with %s', (opset, body, reason) => {
    expect(whyNotRaised(modelOf(opset, body), 11)).toContain(reason);
  });

  it('looks into subgraphs', () => {
    const model = parseModel(`<ir_version: 4, opset_import: ["" : 9]>
test (bool c, float[2] x) => (y) {
  y = If (c) <then_branch = a () => (p) { p = Clip <min = 0.0> (x) }, else_branch = b () => (q) { q = Upsample (x, x) }>
}`);
    expect(whyNotRaised(model, 11)).toContain('Upsample');
  });
});

describe('raiseOpset', () => {
  it('drops the attribute that went, and keeps newer opsets', () => {
    const model = modelOf(7, 'y = BatchNormalization <spatial = 1, epsilon = 0.1> (x, x, x, x, x)');
    raiseOpset(model, 11);
    const [node] = model.graph.nodes();
    expect(model.opset).toBe(11);
    expect([...node.attributes].map(([name]) => name)).toEqual(['epsilon']);
    raiseOpset(model, 10);
    expect(model.opset).toBe(11);
  });

  it('refuses what it cannot raise', () => {
    expect(() => raiseOpset(modelOf(9, 'y = Upsample (x, x)'), 11)).toThrow('Upsample');
  });
});

/** Nodes of opset 7 to 17 whose attributes became inputs, or whose meaning changed, on a float [2, 3, 4, 4]. */
const changed: readonly (readonly [number, string])[] = [
  [7, 'y = Clip <min = -0.3, max = 0.4> (x)'],
  [9, 'y = Clip <max = 0.4> (x)'],
  [9, 'y = Clip (x)'],
  [7, 'y = Pad <pads = [0, 0, 1, 2, 0, 0, 0, 3]> (x)'],
  [9, 'y = Pad <pads = [0, 1, 0, 0, 0, 0, 0, -1], value = 0.7> (x)'],
  [10, 'y = Pad <mode = "reflect", pads = [0, 0, 1, 2, 0, 0, 0, 3]> (x)'],
  [9, 'y = Slice <axes = [1, 3], starts = [1, -3], ends = [1000, -1]> (x)'],
  [7, 'y = Slice <starts = [0, 1], ends = [1, 3]> (x)'],
  [9, 'y, i = TopK <axis = 3, k = 2> (x)'],
  [8, 'y = Upsample <mode = "nearest", scales = [1.0, 1.0, 2.0, 1.5]> (x)'],
  [9, 's = Constant <value = float[4] {1.0, 1.0, 3.0, 2.0}> () h = Upsample <mode = "linear"> (x, s) y = Relu (h)'],
  [10, 's = Constant <value = float[4] {1.0, 1.0, 2.5, 2.0}> () y = Resize <mode = "nearest"> (x, s)'],
  [11, 's = Squeeze <axes = [0]> (x) y = Unsqueeze <axes = [0, 2]> (s)'],
  [11, 'y = ReduceSum <axes = [1, -1], keepdims = 0> (x)'],
  [11, 'y = ReduceSum (x)'],
  [17, 'y = ReduceMean <axes = [2]> (x)'],
  [17, 'y = ReduceLogSumExp <axes = [1], keepdims = 0> (x)'],
  [13, 'y = ReduceMax (x)'],
  [11, 'a, b = Split <axis = 1, split = [1, 2]> (x) y = Concat <axis = 1> (b, a)'],
  [11, 'a, b = Split <axis = 2> (x) y = Sub (a, b)'],
  [17, 'a, b = Split <axis = 3> (x) y = Sub (a, b)'],
  [11, 'y = Softmax (x)'],
  [11, 'y = LogSoftmax <axis = 2> (x)'],
  [11, 'y = Softmax <axis = 3> (x)'],
  [11, 'h = Hardmax <axis = 1> (x) y = Relu (h)'],
  [11, 'd, m = Dropout <ratio = 0.4> (x) y = Relu (d)'],
];

describe('a raised model', () => {
  it.each(changed)('computes the same from opset %i: %s', async (opset, body) => {
    const lines = body.replaceAll(') ', ')\n').split('\n');
    const text = `<ir_version: 6, opset_import: ["" : ${opset}]>\ntest (float[1,3,4,4] x) => (y) {\n${lines.join('\n')}\n}`;
    const original = parseModel(text);
    const raised = parseModel(text);
    raiseOpset(raised, 21);
    expect(raised.opset).toBe(21);
    expect(raised.irVersion).toBe(10);
    const feeds = feedsFor(original);
    const [before, after] = [await outputsOf(original, feeds), await outputsOf(raised, feeds)];
    expect(after.y.shape).toEqual(before.y.shape);
    expect(after.y.readFloat32()).toEqual(before.y.readFloat32());
  });

  it('keeps normalization in branches', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 12]>
test (bool c, float[2,3,4] x) => (float[2,3,4] y) {
  y = If (c) <
    then_branch = a () => (float[2,3,4] p) { p = Softmax <axis = 1> (x) },
    else_branch = b () => (float[2,3,4] q) { q = Identity (x) }
  >
}`;
    const [original, raised] = [parseModel(text), parseModel(text)];
    raiseOpset(raised, 21);
    const feeds = feedsFor(original);
    const [before, after] = [await outputsOf(original, feeds), await outputsOf(raised, feeds)];
    expect(after.y.readFloat32()).toEqual(before.y.readFloat32());
  });

  it('has no inputs that became replaceable', () => {
    const text =
      '<ir_version: 3, opset_import: ["" : 9]>\ntest (float[2] x, float[2] w) => (y) <float[2] w = {1, 2}> {\n  y = Add (x, w)\n}';
    const model = parseModel(text);
    raiseOpset(model, 21);
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(model.constantOf([...model.graph.initializers][0])).not.toBeNull();
  });

  it.each([
    [20, 'y = GroupNormalization <num_groups = 1> (x, x, x)', 'GroupNormalization changed in opset 21'],
    [
      12,
      'y = Resize <coordinate_transformation_mode = "tf_half_pixel_for_nn"> (x, x, x)',
      'Resize changed in opset 13',
    ],
    [9, 'h, y = BatchNormalization (x, x, x, x, x)', 'BatchNormalization changed in opset 14'],
  ])('is not made from opset %i with %s', (opset, body, reason) => {
    expect(whyNotRaised(modelOf(opset, body), 21)).toContain(reason);
  });
});
