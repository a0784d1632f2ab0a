// A student from another file stands behind the interface of its teacher, but for lengths that it was made for.
import { expect, test } from 'vitest';
import { parseModel } from '../../../src/ir/index.js';
import { replaceGraph } from '../../../src/training/index.js';

test('names are of the teacher, lengths that the student declares are its own', () => {
  const teacher = parseModel(
    '<ir_version: 8, opset_import: ["": 17]> g (float[batch,3,h,w] image) => (float[batch,3,h,w] out) { out = Relu (image) }',
  );
  const student = parseModel(
    '<ir_version: 8, opset_import: ["": 17]> g (float[1,3,h,16] x) => (float[1,3,h,16] y) { y = Tanh (x) }',
  );
  replaceGraph(teacher, student);
  const [input] = teacher.graph.inputs;
  const [output] = teacher.graph.outputs;
  expect([input.name, output.name]).toEqual(['image', 'out']);
  for (const { type } of [input, output]) expect(type).toMatchObject({ shape: [1, 3, 'h', 16] });
});
