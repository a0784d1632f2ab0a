// Damage that bench/fuzz found to end or to hang dsopt, cut down to the few nodes that matter. Each model contradicts itself; it must
// be refused or carried along, at once.
import { expect, test } from 'vitest';
import { exerciseModel } from '../../bench/fuzz/exercise-model.js';
import { parseModel } from '../../src/ir/index.js';
import { encodeToBytes } from '../../src/onnx/index.js';

test.each<[string, string]>([
  ['an operator called like a property of every object', '(float[2] x) => (float[2] y) { y = constructor (x) }'],
  ['an input called like a property of every object', '(float[2] toString) => (float[2] y) { y = Relu (toString) }'],
  [
    'a negative length to fill',
    '(float[2] x) => (float[n] y) < int64[2] dims = {-1, -5} > { y = ConstantOfShape <value = int64[1] {7}> (dims) }',
  ],
  [
    'a step of nothing',
    '(float[2] x) => (int64[n] y) < int64 from = {0}, int64 to = {9}, int64 step = {0} > { y = Range (from, to, step) }',
  ],
  ['nothing to join', '(float[2] x) => (float[2] y) { z = Concat <axis = 0> () y = Relu (x) }'],
  ['an axis far beyond the last', '(float[2] x) => (float[n] y) { y = Concat <axis = 4294967290> (x, x) }'],
  [
    'a slice along an axis far beyond the last',
    `(float[2] x) => (float[n] y) < int64[1] from = {0}, int64[1] to = {1}, int64[1] axes = {4294967290} > {
      y = Slice (x, from, to, axes)
    }`,
  ],
  ['axes by the billion', '(float[2,3] x, int64[4000000000] axes) => (float[n] y) { y = ReduceSum (x, axes) }'],
  ['parts by the billion', '(float[8] x, int64[4000000000] parts) => (float[n] y) { y = Split <axis = 0> (x, parts) }'],
  [
    'an order that is none',
    `(float[1,64] x) => (float[1,32] y) < float[32,64] w = {${new Array(2048).fill(0.5).join(', ')}} > {
      t = Transpose <perm = [-1, 0]> (w)
      y = MatMul (x, t)
    }`,
  ],
  [
    'an input of another type than its default',
    '(float[2] x, int64[2] w) => (float[2] y) < float[2] w = {1, 2} > { y = Add (x, w) }',
  ],
])('%s', async (_, graph) => {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]> g ${graph}`);
  expect(await exerciseModel(encodeToBytes(model))).toMatch(/^(accepted|refused)$/);
});
