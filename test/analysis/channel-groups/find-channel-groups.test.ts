import { expect, test } from 'vitest';
import { findChannelGroups } from '../../../src/analysis/index.js';
import { engine, feedsFor } from '../../fixture-models.js';
import { groupSizes, randomModel, removalErrors } from './removal.js';

interface Structure {
  readonly title: string;
  readonly text: string;
  /** Sizes of the groups by the node that makes the channels. */
  readonly groups: Readonly<Record<string, number>>;
}

const header = '<ir_version: 10, opset_import: ["" : 17, "com.microsoft" : 1]>';

const structures: readonly Structure[] = [
  {
    title: 'a residual addition joins the channels of two convolutions',
    text: `graph (float[n,3,5,5] x) => (float[n,2,5,5] y) <float[6,3,1,1] a = {...}, float[6,6,3,3] b = {...}, float[6,6,1,1] c = {...}, float[2,6,1,1] d = {...}> {
      s = Conv (x, a)
      t = Conv <pads = [1,1,1,1]> (s, b)
      u = Relu (t)
      v = Conv (u, c)
      w = Add (v, s)
      y = Conv (w, d)
    }`,
    groups: { s: 6, t: 6 },
  },
  {
    title: 'a grouped convolution between loses the channel at the same place of every group, and a shuffle keeps up',
    text: `graph (float[n,3,4,4] x) => (float[n,2,4,4] y) <float[8,3,1,1] a = {...}, float[8,4,1,1] g = {...}, int64[5] p = {0,2,4,4,4}, int64[4] q = {0,8,4,4}, float[2,8,1,1] d = {...}> {
      s = Conv (x, a)
      t = Conv <group = 2> (s, g)
      u = Reshape (t, p)
      v = Transpose <perm = [0,2,1,3,4]> (u)
      w = Reshape (v, q)
      y = Conv (w, d)
    }`,
    groups: { s: 4, t: 4 },
  },
  {
    title: 'pixel shuffle takes four channels for one',
    text: `graph (float[n,3,4,4] x) => (float[n,2,8,8] y) <float[24,3,1,1] a = {...}, float[2,6,1,1] d = {...}> {
      s = Conv (x, a)
      t = DepthToSpace <blocksize = 2> (s)
      y = Conv (t, d)
    }`,
    groups: { s: 6 },
  },
  {
    title: 'squeeze and excitation, depthwise and batch normalization follow',
    text: `graph (float[n,3,6,6] x) => (float[n,4] y) <float[8,3,3,3] a = {...}, float[8] sc = {...}, float[8] sh = {...}, float[8] me = {...}, float[8] va = {1,2,1,2,1,2,1,2}, float[8,1,3,3] dw = {...}, float[4,8,1,1] r = {...}, float[8,4,1,1] e = {...}, float[4,8] f = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, a)
      bn = BatchNormalization (s, sc, sh, me, va)
      t = Conv <group = 8, pads = [1,1,1,1]> (bn, dw)
      p = GlobalAveragePool (t)
      q = Conv (p, r)
      q2 = Relu (q)
      h = Conv (q2, e)
      g = HardSigmoid (h)
      m = Mul (t, g)
      z = GlobalAveragePool (m)
      l = Flatten (z)
      y = Gemm <transB = 1> (l, f)
    }`,
    groups: { s: 8, q: 4 },
  },
  {
    title: 'concatenated branches shrink apart, slices and zero channels of a padded shortcut too',
    text: `graph (float[n,3,4,4] x) => (float[n,2,4,4] y) <float[4,3,1,1] a = {...}, float[6,3,1,1] b = {...}, float[8,10,1,1] c = {...}, float[12,8,1,1] g = {...}, int64[8] pads = {0,2,0,0,0,2,0,0}, float[2,12,1,1] d = {...}> {
      s = Conv (x, a)
      t = Conv (x, b)
      u = Concat <axis = 1> (s, t)
      v = Conv (u, c)
      w = Conv (v, g)
      sp = Pad (v, pads)
      o = Add (w, sp)
      y = Conv (o, d)
    }`,
    groups: { s: 4, t: 6, v: 8, w: 4 },
  },
  {
    title: 'flattened channels take their positions along',
    text: `graph (float[n,3,2,2] x) => (float[n,2] y) <float[5,3,1,1] a = {...}, float[20,2] f = {...}> {
      s = Conv (x, a)
      l = Flatten (s)
      y = MatMul (l, f)
    }`,
    groups: { s: 5 },
  },
  {
    title: 'group normalization made of InstanceNormalization loses whole groups, with positions of unknown number',
    text: `graph (float[n,3,h,w] x) => (float[n,2,h,w] y) <float[8,3,1,1] a = {...}, int64[3] p = {0,4,-1}, float[4] one = {...}, float[4] zero = {...}, float[2,8,1,1] d = {...}> {
      s = Conv (x, a)
      r = Reshape (s, p)
      i = InstanceNormalization (r, one, zero)
      z = Shape (s)
      b = Reshape (i, z)
      y = Conv (b, d)
    }`,
    groups: { s: 4 },
  },
  {
    title: 'fused queries, keys and values shrink by heads, with the reshape of unknown batch and sequence',
    text: `graph (float[n,s,8] x) => (float[n,s,8] y) <float[8,24] w = {...}, float[24] b = {...}, int64[5] p = {0,0,3,4,2}, int64 i0 = {0}, int64 i1 = {1}, int64 i2 = {2}, int64[3] q = {0,0,8}, float[8,8] o = {...}> {
      qkv0 = MatMul (x, w)
      qkv = Add (qkv0, b)
      r = Reshape (qkv, p)
      t = Transpose <perm = [2,0,3,1,4]> (r)
      q1 = Gather (t, i0)
      k1 = Gather (t, i1)
      v1 = Gather (t, i2)
      kt = Transpose <perm = [0,1,3,2]> (k1)
      sc = MatMul (q1, kt)
      sm = Softmax <axis = -1> (sc)
      ct = MatMul (sm, v1)
      m = Transpose <perm = [0,2,1,3]> (ct)
      f = Reshape (m, q)
      y = MatMul (f, o)
    }`,
    groups: { qkv0: 4 },
  },
  {
    title: 'queries that share a key go with it',
    text: `graph (float[n,s,8] x) => (float[n,s,8] y) <float[8,12] wq = {...}, float[8,6] wk = {...}, float[8,6] wv = {...}, float[12,8] o = {...}, int64[4] hq = {0,0,6,2}, int64[4] hk = {0,0,3,2}, int64[1] two = {2}, int64[5] rep = {1,1,1,2,1}, int64[1] three = {3}, int64[4] merged = {0,0,6,2}, int64[3] out = {0,0,12}> {
      q0 = MatMul (x, wq)
      k0 = MatMul (x, wk)
      v0 = MatMul (x, wv)
      q1 = Reshape (q0, hq)
      k1 = Reshape (k0, hk)
      v1 = Reshape (v0, hk)
      k2 = Unsqueeze (k1, three)
      v2 = Unsqueeze (v1, three)
      k3 = Expand (k2, rep)
      v3 = Expand (v2, rep)
      k4 = Reshape (k3, merged)
      v4 = Reshape (v3, merged)
      q = Transpose <perm = [0,2,1,3]> (q1)
      kt = Transpose <perm = [0,2,3,1]> (k4)
      v = Transpose <perm = [0,2,1,3]> (v4)
      sc = MatMul (q, kt)
      sm = Softmax <axis = -1> (sc)
      ct = MatMul (sm, v)
      m = Transpose <perm = [0,2,1,3]> (ct)
      f = Reshape (m, out)
      y = MatMul (f, o)
    }`,
    groups: { q0: 3 },
  },
  {
    title: 'attention as one operator',
    text: `graph (float[n,s,8] x) => (float[n,s,8] y) <float[8,24] w = {...}, float[24] b = {...}, float[8,8] o = {...}> {
      a = com.microsoft.Attention <num_heads = 4> (x, w, b)
      y = MatMul (a, o)
    }`,
    groups: { a: 4 },
  },
  {
    title: 'units of recurrent layers',
    text: `graph (float[5,2,3] x) => (float[1,2,2] y) <float[1,18,3] w = {...}, float[1,18,6] r = {...}, float[1,36] b = {...}, float[1,16,6] w2 = {...}, float[1,16,4] r2 = {...}, float[4,2] o = {...}, int64[1] one = {1}> {
      h, hl = GRU <hidden_size = 6> (x, w, r, b)
      s = Squeeze (h, one)
      g, gl = LSTM <hidden_size = 4> (s, w2, r2)
      y = MatMul (gl, o)
    }`,
    groups: { h: 6, g: 4 },
  },
  {
    title: 'an upsampling target that is made of the lengths of its input',
    text: `graph (float[n,3,4,4] x) => (float[n,2,8,8] y) <float[6,3,1,1] a = {...}, float[2,6,1,1] d = {...}, int64[1] zero = {0}, int64[1] two = {2}, int64[2] hw = {8,8}, float[0] none = {}> {
      s = Conv (x, a)
      z = Shape (s)
      nc = Slice (z, zero, two, zero)
      sizes = Concat <axis = 0> (nc, hw)
      u = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (s, none, none, sizes)
      y = Conv (u, d)
    }`,
    groups: { s: 6 },
  },
];

for (const { title, text, groups } of structures) {
  test(title, async () => {
    const model = randomModel(`${header} ${text}`);
    expect(await groupSizes(model)).toEqual(groups);
    for (const { name, error } of await removalErrors(model, feedsFor(model))) {
      expect(error, name).toBeLessThan(1e-4);
    }
  });
}

test('says why channels stay', async () => {
  const model = randomModel(
    `${header} graph (float[n,3,h,w] x) => (float[n,k] y, float[n,4,h,w] z) <float[4,3,1,1] a = {...}, float[5,3,1,1] b = {...}, float[2,5,1,1] c = {...}> {
      z = Conv (x, a)
      s = Conv (x, b)
      t = Softmax <axis = 1> (s)
      u = Conv (t, c)
      y = Flatten (u)
    }`,
  );
  const { groups, frozen } = await findChannelGroups(model, engine);
  expect(groups).toEqual([]);
  expect(Object.fromEntries([...frozen].map(([node, reason]) => [node.output.name, reason]))).toEqual({
    z: 'z is an output of the model',
    s: 'Softmax t normalizes over s axis 1',
    u: 'Flatten y mixes channels with an axis of unknown length',
  });
});

test('heads of fused attention stay where it gives its keys out of the model', async () => {
  const attention = (outputs: string) =>
    randomModel(
      `<ir_version: 10, opset_import: ["" : 18, "com.microsoft" : 1]> graph (float[n,s,8] x) => (float[n,s,8] y${outputs ? ', float[n,4,s,2] keys' : ''})
      <float[8,8] wq = {...}, float[8,8] wk = {...}, float[8,8] wv = {...}, float[8,8] wo = {...}> {
        q = MatMul (x, wq) k = MatMul (x, wk) v = MatMul (x, wv)
        a${outputs} = com.microsoft.MultiHeadAttention <num_heads = 4> (q, k, v)
        y = MatMul (a, wo)
      }`,
    );
  expect((await findChannelGroups(attention(''), engine)).groups.map(({ units }) => units.length)).toEqual([4]);
  expect((await findChannelGroups(attention(', keys, values'), engine)).groups).toEqual([]);
});
