// Raising opsets: the table against the operator schemas of ONNX (onnx.defs 1.23: which of the versions 8 to 11 changed attributes or
// required inputs), and models that may or may not be raised.
import { describe, expect, it } from 'vitest';
import { type Model, parseModel } from '../../src/ir/index.js';
import { raiseOpset, whyNotRaised } from '../../src/ops/index.js';

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
    [7, 'y = Clip <min = 0.0, max = 6.0> (x)', 'Clip changed in opset 11'],
    [10, 'y = Pad <pads = [0, 0, 0, 0, 0, 0, 0, 0]> (x)', 'Pad changed in opset 11'],
    [9, 'y = Slice <starts = [0], ends = [1]> (x)', 'Slice changed in opset 10'],
    [9, 'y = Upsample <mode = "nearest"> (x, x)', 'Upsample changed in opset 10'],
    [8, 'y = Upsample <mode = "nearest", scales = [1.0, 1.0, 2.0, 2.0]> (x)', 'Upsample changed in opset 10'],
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
  y = If (c) <then_branch = a () => (p) { p = Clip <min = 0.0> (x) }, else_branch = b () => (q) { q = Relu (x) }>
}`);
    expect(whyNotRaised(model, 11)).toContain('Clip');
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
    expect(() => raiseOpset(modelOf(9, 'y = Clip (x)'), 11)).toThrow('Clip');
  });
});
