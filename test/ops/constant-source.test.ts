import { expect, it } from 'vitest';
import { parseModel } from '../../src/ir/index.js';
import { constantSource } from '../../src/ops/index.js';

const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[2,3] x) => (float[2,3] y) <float16[2,3,4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24}>
{
  same = Identity (w)
  cast = Cast <to = 1> (same)
  turned = Transpose <perm = [2, 0, 1]> (cast)
  reversed = Transpose (turned)
  strange = Transpose <perm = [0, 7, 1]> (cast)
  constant = Constant <value = float[2] {1, 2}> ()
  computed = Add (x, x)
  y = Identity (computed)
}`);
const values = new Map([...model.graph.nodes()].map((node) => [node.output.name, node.output]));
const sourceOf = (name: string) => constantSource(values.get(name) ?? null);

it('follows Identity, Cast and Transpose to the initializer, and says how it looks from the near end', () => {
  expect(sourceOf('same')).toMatchObject({ dataType: 'float16', shape: [2, 3, 4], permutation: [0, 1, 2] });
  expect(sourceOf('turned')).toMatchObject({ dataType: 'float32', shape: [4, 2, 3], permutation: [2, 0, 1] });
  expect(sourceOf('reversed')).toMatchObject({ dataType: 'float32', shape: [3, 2, 4], permutation: [1, 0, 2] });
  expect(sourceOf('reversed')?.value.name).toBe('w');
  expect(sourceOf('reversed')?.path.map((node) => node.output.name)).toEqual(['reversed', 'turned', 'cast', 'same']);
});

it('takes Constant nodes for constants, and nothing else', () => {
  expect(sourceOf('constant')?.tensor.readNumbers()).toEqual([1, 2]);
  expect(sourceOf('computed')).toBeNull();
  expect(sourceOf('strange')).toBeNull();
  expect(constantSource(null)).toBeNull();
  expect(constantSource(model.graph.inputs[0])).toBeNull();
});
