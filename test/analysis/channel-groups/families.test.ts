// One tiny model of each family that people prune: which channels can go, that removing equals zeroing, and that what is left runs at other
// shapes too.
import { describe, expect, test } from 'vitest';
import { pruneChannels } from '../../../passes/prune-channels/index.js';
import { pruneHeads } from '../../../passes/prune-heads/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../../../src/tensor/index.js';
import { outputsOf, runOnCopy } from '../../fixture-models.js';
import { groupSizes, randomModel, removalErrors } from './removal.js';

interface Family {
  readonly title: string;
  readonly text: string;
  /** Sizes of the groups by the node that makes the channels (the halves of a Split: once). */
  readonly groups: Readonly<Record<string, number>>;
  readonly shapes: readonly (readonly number[])[];
  /** Heads instead of channels are pruned. */
  readonly heads?: true;
  readonly integers?: true;
}

const header = '<ir_version: 10, opset_import: ["" : 18, "com.microsoft" : 1]>';

const families: readonly Family[] = [
  {
    title: 'inverted residuals with depthwise convolutions (MobileNet)',
    text: `graph (float[n,3,h,w] x) => (float[n,4] y) <float[8,3,3,3] a = {...}, float[8] ab = {...}, float[24,8,1,1] e = {...}, float[24] eb = {...}, float[24,1,3,3] d = {...}, float[24] db = {...}, float[8,24,1,1] p = {...}, float[8] pb = {...}, float[4,8] f = {...}, float six = {6.0}, float zero = {0.0}> {
      s = Conv <pads = [1,1,1,1], strides = [2,2]> (x, a, ab) s6 = Clip (s, zero, six)
      t = Conv (s6, e, eb) t6 = Clip (t, zero, six)
      u = Conv <group = 24, pads = [1,1,1,1]> (t6, d, db) u6 = Clip (u, zero, six)
      v = Conv (u6, p, pb) r = Add (s6, v)
      g = GlobalAveragePool (r) l = Flatten (g) y = Gemm <transB = 1> (l, f)
    }`,
    groups: { s: 8, t: 24 },
    shapes: [
      [1, 3, 8, 8],
      [2, 3, 12, 10],
    ],
  },
  {
    title: 'squeeze and excitation by means and matrices (EfficientNet)',
    text: `graph (float[n,3,h,w] x) => (float[n,4] y) <float[8,3,3,3] a = {...}, float[8,1,5,5] d = {...}, int64[2] hw = {2,3}, float[2,8,1,1] r = {...}, float[8,2,1,1] q = {...}, float[8,8,1,1] p = {...}, float[8,4] f = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, a) sg = Sigmoid (s) sw = Mul (s, sg)
      t = Conv <group = 8, pads = [2,2,2,2]> (sw, d)
      m = ReduceMean <keepdims = 1> (t, hw) r1 = Conv (m, r) r2 = Relu (r1) q1 = Conv (r2, q) q2 = Sigmoid (q1)
      k = Mul (q2, t) v = Conv (k, p)
      g = ReduceMean <keepdims = 0> (v, hw) y = MatMul (g, f)
    }`,
    groups: { s: 8, r1: 2, v: 8 },
    shapes: [
      [1, 3, 6, 6],
      [3, 3, 9, 7],
    ],
  },
  {
    title: 'a vision transformer with a class token and fused projections',
    text: `graph (float[n,3,4,4] x) => (float[n,3] y) <float[8,3,2,2] pe = {...}, int64[3] flat = {0,8,-1}, float[1,1,8] cls = {...}, float[1,5,8] pos = {...}, float[8] g1 = {...}, float[8] b1 = {...}, float[8,24] wqkv = {...}, float[24] bqkv = {...}, int64[5] heads = {0,0,3,4,2}, int64[1] one = {1}, int64 i0 = {0}, int64 i1 = {1}, int64 i2 = {2}, int64[3] merge = {0,0,8}, float[8,8] wo = {...}, float scale = {0.7}, float[8,16] w1 = {...}, float[16] c1 = {...}, float[16,8] w2 = {...}, float[8,3] head = {...}, int64[3] ncls = {-1,1,8}> {
      e = Conv <strides = [2,2]> (x, pe) e1 = Reshape (e, flat) e2 = Transpose <perm = [0,2,1]> (e1)
      sh = Shape <start = 0, end = 1> (e2) c = Concat <axis = 0> (sh, one, one) ct = Expand (cls, c)
      z = Concat <axis = 1> (ct, e2) z0 = Add (z, pos)
      n1 = LayerNormalization <axis = -1> (z0, g1, b1)
      qkv0 = MatMul (n1, wqkv) qkv = Add (qkv0, bqkv) r = Reshape (qkv, heads) t = Transpose <perm = [2,0,3,1,4]> (r)
      q = Gather (t, i0) k = Gather (t, i1) v = Gather (t, i2) qs = Mul (q, scale)
      kt = Transpose <perm = [0,1,3,2]> (k) s = MatMul (qs, kt) p = Softmax <axis = -1> (s) a = MatMul (p, v)
      m = Transpose <perm = [0,2,1,3]> (a) f = Reshape (m, merge) o = MatMul (f, wo) z1 = Add (z0, o)
      n2 = LayerNormalization <axis = -1> (z1, g1, b1)
      u0 = MatMul (n2, w1) u1 = Add (u0, c1) u2 = com.microsoft.Gelu (u1) u3 = MatMul (u2, w2) z2 = Add (z1, u3)
      first = Gather <axis = 1> (z2, i0) y = MatMul (first, head)
    }`,
    groups: { qkv0: 4, u0: 16 },
    shapes: [
      [1, 3, 4, 4],
      [2, 3, 4, 4],
    ],
    heads: true,
  },
  {
    title: 'a detector: split stages, concatenated necks, upsampling, three outputs (YOLO)',
    text: `graph (float[n,3,h,w] x) => (float[n,5,h1,w1] y1, float[n,5,h2,w2] y2) <float[8,3,3,3] a = {...}, float[12,8,1,1] b = {...}, int64[2] halves = {6,6}, float[6,6,3,3] c = {...}, float[8,18,1,1] d = {...}, float[10,8,3,3] e = {...}, float[6,10,1,1] f = {...}, float[4] up = {1,1,2,2}, float[7,14,1,1] g = {...}, float[5,7,1,1] o1 = {...}, float[5,6,1,1] o2 = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, a) s1 = LeakyRelu <alpha = 0.1> (s)
      t = Conv (s1, b) p1, p2 = Split <axis = 1> (t, halves)
      q = Conv <pads = [1,1,1,1]> (p2, c) j = Concat <axis = 1> (p1, p2, q)
      u = Conv (j, d) k = Conv <pads = [1,1,1,1], strides = [2,2]> (u, e)
      l = Conv (k, f) m = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (l, , up)
      z = Concat <axis = 1> (m, u) v = Conv (z, g)
      y1 = Conv (v, o1) y2 = Conv (l, o2)
    }`,
    groups: { s: 8, t: 6, q: 6, u: 8, k: 10, l: 6, v: 7 },
    shapes: [
      [1, 3, 8, 8],
      [2, 3, 12, 16],
    ],
  },
  {
    title: 'a U-Net: transposed convolution, skip connections, resizing to a computed size, group normalization',
    text: `graph (float[n,2,h,w] x) => (float[n,1,h,w] y) <float[8,2,3,3] a = {...}, int64[3] g = {0,4,-1}, float[4] one = {...}, float[4] zero = {...}, float[8,1,1] sc = {...}, float[8,1,1] sh = {...}, float[12,8,3,3] b = {...}, float[12,6,2,2] t = {...}, float[6] tb = {...}, float[5,14,3,3] c = {...}, float[1,5,1,1] o = {...}> {
      s0 = Conv <pads = [1,1,1,1]> (x, a) r = Reshape (s0, g) i = InstanceNormalization (r, one, zero) z = Shape (s0) s1 = Reshape (i, z) s2 = Mul (s1, sc) s3 = Add (s2, sh) s = Relu (s3)
      p = MaxPool <kernel_shape = [2,2], strides = [2,2]> (s)
      d = Conv <pads = [1,1,1,1]> (p, b) d1 = Relu (d)
      u = ConvTranspose <strides = [2,2]> (d1, t, tb)
      j = Concat <axis = 1> (u, s) v = Conv <pads = [1,1,1,1]> (j, c) v1 = Relu (v)
      y = Conv (v1, o)
    }`,
    groups: { s0: 4, d: 12, u: 6, v: 5 },
    shapes: [
      [1, 2, 4, 4],
      [2, 2, 8, 6],
    ],
  },
  {
    title: 'super-resolution: pixel shuffle by reshape and transpose, and by DepthToSpace',
    text: `graph (float[n,1,6,6] x) => (float[n,1,24,24] y) <float[8,1,3,3] a = {...}, float[16,8,3,3] b = {...}, int64[6] split = {-1,4,2,2,6,6}, int64[4] join = {-1,4,12,12}, float[12,4,1,1] c = {...}, float[1,3,3,3] d = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, a) s1 = Tanh (s)
      t = Conv <pads = [1,1,1,1]> (s1, b) t1 = Reshape (t, split) t2 = Transpose <perm = [0,1,4,2,5,3]> (t1) t3 = Reshape (t2, join)
      u = Conv (t3, c) u1 = DepthToSpace <blocksize = 2, mode = "CRD"> (u)
      y = Conv <pads = [1,1,1,1]> (u1, d)
    }`,
    groups: { s: 8, t: 4, u: 3 },
    shapes: [
      [1, 1, 6, 6],
      [3, 1, 6, 6],
    ],
  },
  {
    title: 'speech: convolutions in front of a bidirectional GRU and an LSTM',
    text: `graph (float[n,4,t] x) => (float[t2,n,3] y) <float[6,4,3] a = {...}, float[2,15,6] w = {...}, float[2,15,5] r = {...}, float[2,30] b = {...}, int64[3] join = {0,0,-1}, float[1,16,10] w2 = {...}, float[1,16,4] r2 = {...}, float[1,32] b2 = {...}, int64[1] one = {1}, float[4,3] o = {...}> {
      s = Conv <pads = [1,1], strides = [2]> (x, a) s1 = Relu (s) s2 = Transpose <perm = [2,0,1]> (s1)
      g, gl = GRU <hidden_size = 5, direction = "bidirectional", linear_before_reset = 1> (s2, w, r, b)
      g1 = Transpose <perm = [0,2,1,3]> (g) g2 = Reshape (g1, join)
      l, ll = LSTM <hidden_size = 4> (g2, w2, r2, b2) l1 = Squeeze (l, one)
      y = MatMul (l1, o)
    }`,
    groups: { s: 6, g: 5, l: 4 },
    shapes: [
      [1, 4, 8],
      [2, 4, 14],
    ],
  },
  {
    title: 'a decoder with rotary embeddings, RMS norm and one key for several queries (Llama)',
    text: `graph (int64[n,s] ids) => (float[n,s,6] y) <float[6,8] table = {...}, float[8] g = {...}, float eps = {1e-5}, float two = {2.0}, int64[1] last = {-1}, float[8,12] wq = {...}, float[8,4] wk = {...}, float[8,4] wv = {...}, float[12,8] wo = {...}, int64[4] hq = {0,0,6,2}, int64[4] hk = {0,0,2,2}, float[1,1,1,2] cos = {...}, float[1,1,1,2] sin = {...}, int64[1] i0 = {0}, int64[1] i1 = {1}, int64[1] i2 = {2}, int64[1] three = {3}, int64[5] rep = {1,1,1,3,1}, int64[4] merged = {0,0,6,2}, int64[3] out = {0,0,12}, float[8,10] wg = {...}, float[8,10] wu = {...}, float[10,8] wd = {...}> {
      x = Gather (table, ids)
      p = Pow (x, two) m = ReduceMean <keepdims = 1> (p, last) me = Add (m, eps) sq = Sqrt (me) xd = Div (x, sq) h = Mul (xd, g)
      q0 = MatMul (h, wq) k0 = MatMul (h, wk) v0 = MatMul (h, wv)
      q1 = Reshape (q0, hq) k1 = Reshape (k0, hk) v1 = Reshape (v0, hk)
      qa = Slice (q1, i0, i1, three) qb = Slice (q1, i1, i2, three) qn = Neg (qb) qr = Concat <axis = 3> (qn, qa) qc = Mul (q1, cos) qs = Mul (qr, sin) q2 = Add (qc, qs)
      ka = Slice (k1, i0, i1, three) kb = Slice (k1, i1, i2, three) kn = Neg (kb) kr = Concat <axis = 3> (kn, ka) kc = Mul (k1, cos) ks = Mul (kr, sin) k2 = Add (kc, ks)
      k3 = Unsqueeze (k2, three) v3 = Unsqueeze (v1, three) k4 = Expand (k3, rep) v4 = Expand (v3, rep) k5 = Reshape (k4, merged) v5 = Reshape (v4, merged)
      q = Transpose <perm = [0,2,1,3]> (q2) kt = Transpose <perm = [0,2,3,1]> (k5) v = Transpose <perm = [0,2,1,3]> (v5)
      sc = MatMul (q, kt) sm = Softmax <axis = -1> (sc) ct = MatMul (sm, v)
      mt = Transpose <perm = [0,2,1,3]> (ct) f = Reshape (mt, out) o = MatMul (f, wo) x1 = Add (x, o)
      gt = MatMul (x1, wg) gs = Sigmoid (gt) ga = Mul (gt, gs) up = MatMul (x1, wu) gu = Mul (ga, up) dn = MatMul (gu, wd) x2 = Add (x1, dn)
      tt = Transpose <perm = [1,0]> (table) y = MatMul (x2, tt)
    }`,
    groups: { q0: 2, gt: 10 },
    shapes: [
      [1, 4],
      [2, 6],
    ],
    heads: true,
    integers: true,
  },
  {
    title:
      'attention as transformers exports it: −1 for the heads, lengths from elsewhere, keys repeated by a choice that is none',
    text: `graph (int64[n,s] ids) => (float[n2,s2,8] y) <float[6,8] table = {...}, float[16,8] places = {...}, float[8,12] wq = {...}, float[8,4] wk = {...}, float[8,4] wv = {...}, float[12,8] wo = {...}, int64[1] rest = {-1}, int64 zero = {0}, int64 one = {1}, int64[1] i0 = {0}, int64[1] i1 = {1}, int64[1] width = {2}, int64[1] two = {2}, int64[1] three = {3}, int64[1] six = {6}, int64[5] none = {-1,-1,-1,-1,-1}, int64[5] ones = {1,1,1,1,1}> {
      is = Shape (ids) il = Gather (is, i1) it = Concat <axis = 0> (rest, il) flat = Reshape (ids, it)
      in = Gather (is, one) range = Range (zero, in, one) place = Gather (places, range)
      e = Gather (table, flat) x = Add (e, place)
      xs = Shape (x) xb = Gather (xs, i0) xl = Gather (xs, i1) hs = Concat <axis = 0> (xb, xl, rest, width)
      q0 = MatMul (x, wq) k0 = MatMul (x, wk) v0 = MatMul (x, wv)
      q1 = Reshape (q0, hs) k1 = Reshape (k0, hs) v1 = Reshape (v0, hs)
      q = Transpose <perm = [0,2,1,3]> (q1) k2 = Transpose <perm = [0,2,1,3]> (k1) v2 = Transpose <perm = [0,2,1,3]> (v1)
      ks = Shape (k2) kb = Gather (ks, i0) kl = Gather (ks, two)
      k3 = Unsqueeze (k2, two) v3 = Unsqueeze (v2, two)
      want = Concat <axis = 0> (kb, two, three, kl, width) eq = Equal (want, none) rep = Where (eq, ones, want)
      k4 = Expand (k3, rep) v4 = Expand (v3, rep)
      merged = Concat <axis = 0> (kb, six, kl, width) k5 = Reshape (k4, merged) v5 = Reshape (v4, merged)
      kt = Transpose <perm = [0,1,3,2]> (k5) sc = MatMul (q, kt) sm = Softmax <axis = -1> (sc) ct = MatMul (sm, v5)
      mt = Transpose <perm = [0,2,1,3]> (ct) os = Concat <axis = 0> (xb, xl, rest) f = Reshape (mt, os)
      y = MatMul (f, wo)
    }`,
    groups: { place: 8, q0: 2 },
    shapes: [
      [1, 4],
      [2, 6],
    ],
    heads: true,
    integers: true,
  },
  {
    title: 'an encoder as onnxruntime fuses it: FusedMatMul, SkipLayerNormalization, BiasGelu',
    text: `graph (float[n,s,8] x) => (float[n,s,8] y) <float[8,8] wq = {...}, float[8,8] wk = {...}, float[8,8] wv = {...}, float[8,8] wo = {...}, float[8] ob = {...}, int64[4] heads = {0,0,4,2}, int64[3] merged = {0,0,8}, float[8] g = {...}, float[8] b = {...}, float[8,6] w1 = {...}, float[6] b1 = {...}, float[6,8] w2 = {...}> {
      q0 = MatMul (x, wq) k0 = MatMul (x, wk) v0 = MatMul (x, wv)
      q1 = Reshape (q0, heads) k1 = Reshape (k0, heads) v1 = Reshape (v0, heads)
      q = Transpose <perm = [0,2,1,3]> (q1) k = Transpose <perm = [0,2,1,3]> (k1) v = Transpose <perm = [0,2,1,3]> (v1)
      sc = com.microsoft.FusedMatMul <transB = 1, alpha = 0.7> (q, k) sm = Softmax <axis = -1> (sc) ct = MatMul (sm, v)
      mt = Transpose <perm = [0,2,1,3]> (ct) f = Reshape (mt, merged) o = MatMul (f, wo)
      h = com.microsoft.SkipLayerNormalization (x, o, g, b, ob)
      u = MatMul (h, w1) a = com.microsoft.BiasGelu (u, b1) d = MatMul (a, w2)
      y = com.microsoft.SkipLayerNormalization (h, d, g, b)
    }`,
    groups: { q0: 4, u: 6 },
    shapes: [
      [1, 4, 8],
      [2, 5, 8],
    ],
    heads: true,
  },
  {
    title: 'com.microsoft MultiHeadAttention',
    text: `graph (float[n,s,8] x) => (float[n,s,8] y) <float[8,8] wq = {...}, float[8,8] wk = {...}, float[8,8] wv = {...}, float[24] b = {...}, float[8,8] wo = {...}> {
      q = MatMul (x, wq) k = MatMul (x, wk) v = MatMul (x, wv)
      a = com.microsoft.MultiHeadAttention <num_heads = 4> (q, k, v, b)
      y = MatMul (a, wo)
    }`,
    groups: { q: 4 },
    shapes: [
      [1, 4, 8],
      [2, 5, 8],
    ],
    heads: true,
  },
  {
    title: 'com.microsoft GroupQueryAttention',
    text: `graph (float[1,4,32] x) => (float[n,4,8] y) <float[32,48] wq = {...}, float[32,16] wk = {...}, float[32,16] wv = {...}, float[48,8] wo = {...}, int32[1] lens = {3}, int32 total = {4}> {
      q = MatMul (x, wq) k = MatMul (x, wk) v = MatMul (x, wv)
      a, pk1, pv1 = com.microsoft.GroupQueryAttention <num_heads = 6, kv_num_heads = 2> (q, k, v, , , lens, total)
      y = MatMul (a, wo)
    }`,
    groups: { q: 2 },
    shapes: [[1, 4, 32]],
    heads: true,
  },
  {
    title: 'com.microsoft Attention',
    text: `graph (float[n,s,8] x) => (float[n,s,8] y) <float[8,24] w = {...}, float[24] b = {...}, float[8,8] o = {...}> {
      a = com.microsoft.Attention <num_heads = 4> (x, w, b)
      y = MatMul (a, o)
    }`,
    groups: { a: 4 },
    shapes: [
      [1, 4, 8],
      [2, 5, 8],
    ],
    heads: true,
  },
];

function feedsOf({ integers, text }: Family, shape: readonly number[]): Feeds {
  const random = createRandom(3);
  const length = shape.reduce((size, extent) => size * extent, 1);
  const values = Array.from({ length }, () => (integers ? random.int(6) : random.normal()));
  const first: Tensor = integers ? int64Tensor(shape, values) : float32Tensor(shape, Float32Array.from(values));
  return { [/graph \(\w+\[[^\]]*\] (\w+)/.exec(text)![1]]: first };
}

describe.each(families)('$title', (family) => {
  const model = randomModel(`${header} ${family.text}`);

  test('channels that can go, and removing equals zeroing', async () => {
    expect(await groupSizes(model)).toEqual(family.groups);
    for (const { name, error } of await removalErrors(model, feedsOf(family, family.shapes.at(-1)!))) {
      expect(error, name).toBeLessThan(1e-4);
    }
  });

  test('a quarter less runs at several shapes', async () => {
    const { model: pruned, report } = await runOnCopy(model, family.heads ? pruneHeads : pruneChannels, {
      ratio: family.heads ? 0.5 : 0.25,
    });
    expect(report.changed.length).toBeGreaterThan(0);
    for (const shape of family.shapes) {
      const [before, after] = [
        await outputsOf(model, feedsOf(family, shape)),
        await outputsOf(pruned, feedsOf(family, shape)),
      ];
      for (const [name, { shape: wanted }] of Object.entries(before)) expect(after[name].shape).toEqual(wanted);
    }
  });
});
