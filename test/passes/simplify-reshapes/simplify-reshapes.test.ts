// simplify-reshapes: the same outputs at lengths that were never probed, and targets that must stay computed.
import { expect, it } from 'vitest';
import { simplifyReshapes } from '../../../passes/simplify-reshapes/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { float32Tensor, int64Tensor } from '../../../src/tensor/index.js';
import { outputsOf, runOnCopy } from '../../fixture-models.js';

const pass = simplifyReshapes as unknown as Pass;

/** Batch and length of token ids, by which hidden states of another value are split into heads. */
const attention = `<ir_version: 10, opset_import: ["" : 21]>
test (int64[batch,length] ids, float[batch,length,12] x) => (float[batch,3,length,4] y, float[batch,length,12] z) <
  int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] rest = {-1}, int64[1] width = {4}, int64[1] all = {12}
> {
  shape = Shape (ids)
  batch_of = Slice (shape, zero, one)
  length_of = Slice (shape, one, two)
  target = Concat <axis = 0> (batch_of, length_of, rest, width)
  [split] heads = Reshape (x, target)
  y = Transpose <perm = [0, 2, 1, 3]> (heads)
  back = Transpose <perm = [0, 2, 1, 3]> (y)
  flat = Concat <axis = 0> (batch_of, length_of, all)
  [join] z = Reshape (back, flat)
}`;

function feeds(batch: number, length: number) {
  const values = Float32Array.from({ length: batch * length * 12 }, (_, index) => Math.sin(index));
  return {
    ids: int64Tensor([batch, length], new Array<number>(batch * length).fill(1)),
    x: float32Tensor([batch, length, 12], values),
  };
}

it('gives the same outputs at any length', async () => {
  const original = parseModel(attention);
  const { model, report } = await runOnCopy(original, pass);
  expect(report.changed.map(({ what }) => what)).toEqual(['its target is [0, 0, 3, 4]', 'its target is [0, 0, 12]']);
  for (const [batch, length] of [
    [1, 1],
    [4, 9],
    [9, 4],
    [2, 515],
  ]) {
    expect(await outputsOf(model, feeds(batch, length))).toEqual(await outputsOf(original, feeds(batch, length)));
  }
});

it('believes no declared shape, and takes no length that only agrees up to a limit', async () => {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
test (float[length,8] x, float[rows,8] u) => (float[a,b] y, float[c,d,e] z) <
  int64[1] zero = {0}, int64[1] one = {1}, int64[1] rest = {-1}, int64[1] most = {40}
> {
  kept = Slice (x, zero, most, zero)
  shape = Shape (kept)
  length_of = Slice (shape, zero, one)
  target = Concat <axis = 0> (length_of, rest)
  [limited] y = Reshape (x, target)
  indices = NonZero (u)
  found = Shape (indices)
  some = Slice (found, one, most)
  open = Concat <axis = 0> (some, rest, one)
  [data] z = Reshape (u, open)
}`);
  declare(model, 'some', [1]);
  declare(model, 'z', [4, 2, 1]);
  const { report } = await runOnCopy(model, pass);
  expect(report.changed).toEqual([]);
  expect(report.skipped.map(({ reason }) => reason)).toEqual([
    '2 of its lengths are no lengths of its input',
    'what its target is does not follow from the shapes of inputs',
  ]);
});

function declare(model: Model, name: string, shape: readonly number[]): void {
  for (const node of model.graph.nodes()) {
    const value = node.outputs.find((output) => output?.name === name);
    if (value) value.type = { kind: 'tensor', dataType: name === 'z' ? 'float32' : 'int64', shape };
  }
}
