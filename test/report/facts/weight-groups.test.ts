import { expect, test } from 'vitest';
import { parseModel } from '../../../src/ir/index.js';
import { groupWeights } from '../../../src/report/index.js';

/** A MatMul chain whose nodes have these names, each with a weight of 4 × 4 floats. */
function chain(names: readonly string[]) {
  const weights = names.map((_, i) => `float[4, 4] w${i} = {${new Array(16).fill(i + 1).join(', ')}}`).join(', ');
  const nodes = names.map((name, i) => `["${name}"] h${i + 1} = MatMul (h${i}, w${i})`).join('\n');
  return parseModel(
    `<ir_version: 8, opset_import: ["": 17]> g (float[4, 4] h0) => (float[4, 4] h${names.length}) <${weights}> {${nodes}}`,
  );
}

test('parts are split where most bytes are, and keep their order', () => {
  const layers = Array.from({ length: 12 }, (_, i) => [`/enc/l.${i}/a/MatMul`, `/enc/l.${i}/b/MatMul`]).flat();
  const model = chain([...layers, '/head/MatMul']);
  const groups = groupWeights(model, model);
  expect(groups.map(({ group }) => group)).toEqual([...Array.from({ length: 12 }, (_, i) => `enc/l.${i}`), 'head']);
  expect(groups[0]).toEqual({ group: 'enc/l.0', input: { float32: 128 }, output: { float32: 128 } });
});

test('names without paths: the smallest are told together', () => {
  const model = chain(Array.from({ length: 20 }, (_, i) => `n${i}`));
  const groups = groupWeights(model, model);
  expect(groups).toHaveLength(16);
  expect(groups.find(({ group }) => group === '5 others')?.input).toEqual({ float32: 5 * 64 });
});
