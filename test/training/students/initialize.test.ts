// Random weights to start from.
import { expect, test } from 'vitest';
import { parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { initializeWeights } from '../../../src/training/index.js';

test('weights in Constant nodes are forgotten too', () => {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[n,2] x) => (float[n,2] y)
    <float[2,2] v = {1, 2, 3, 4}> {
      w = Constant <value = float[2,2] {1, 2, 3, 4}> ()
      h = MatMul (x, w)
      y = MatMul (h, v)
    }`);
  initializeWeights(model, createRandom(1));
  const products = [...model.graph.nodes()].filter((node) => node.is('MatMul'));
  for (const product of products) {
    const values = product.input(1)?.constant?.readFloat32();
    expect(values).toHaveLength(4);
    expect([...values!]).not.toEqual([1, 2, 3, 4]);
  }
});
