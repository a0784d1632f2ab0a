// The kernel of all products: C += factor · A · Bᵀ on parts of row-major matrices. Rows of A and B are read along memory, 4 × 4 dot
// products at a time stay in registers, and panels of B stay in the cache (Goto & van de Geijn 2008, without the packing: rows of
// both operands are contiguous already).

/** Where a part of a matrix begins, and the distance of its rows. */
export interface Part {
  readonly data: Float64Array;
  readonly offset: number;
  readonly stride: number;
}

const innerBlock = 512;
const panelRows = 64;

/** C[m × n] += factor · A[m × k] · B[n × k]ᵀ; with `lower`, only tiles that touch the lower triangle of C are computed. */
export function addDotTiles(
  c: Part,
  a: Part,
  b: Part,
  [m, n, k]: readonly [number, number, number],
  factor: number,
  lower = false,
): void {
  for (let inner = 0; inner < k; inner += innerBlock) {
    const length = Math.min(innerBlock, k - inner);
    for (let panel = 0; panel < n; panel += panelRows) {
      const right = Math.min(panel + panelRows, n);
      for (let i = lower ? panel - (panel % 4) : 0; i < m; i += 4) {
        const end = lower ? Math.min(right, i + 4) : right;
        for (let j = panel; j < end; j += 4) {
          const ai = a.offset + i * a.stride + inner;
          const bj = b.offset + j * b.stride + inner;
          const cij = c.offset + i * c.stride + j;
          if (i + 4 <= m && j + 4 <= n) addTile(c, cij, a, ai, b, bj, length, factor);
          else addEdge(c, cij, a, ai, b, bj, Math.min(4, m - i), Math.min(4, n - j), length, factor);
        }
      }
    }
  }
}

function addTile(c: Part, cij: number, a: Part, ai: number, b: Part, bj: number, length: number, factor: number): void {
  const left = a.data;
  const right = b.data;
  const a1 = ai + a.stride;
  const a2 = a1 + a.stride;
  const a3 = a2 + a.stride;
  const b1 = bj + b.stride;
  const b2 = b1 + b.stride;
  const b3 = b2 + b.stride;
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let p = 0; p < length; p++) {
    const x0 = left[ai + p];
    const x1 = left[a1 + p];
    const x2 = left[a2 + p];
    const x3 = left[a3 + p];
    let y = right[bj + p];
    c00 += x0 * y;
    c10 += x1 * y;
    c20 += x2 * y;
    c30 += x3 * y;
    y = right[b1 + p];
    c01 += x0 * y;
    c11 += x1 * y;
    c21 += x2 * y;
    c31 += x3 * y;
    y = right[b2 + p];
    c02 += x0 * y;
    c12 += x1 * y;
    c22 += x2 * y;
    c32 += x3 * y;
    y = right[b3 + p];
    c03 += x0 * y;
    c13 += x1 * y;
    c23 += x2 * y;
    c33 += x3 * y;
  }
  const out = c.data;
  out[cij] += factor * c00;
  out[cij + 1] += factor * c01;
  out[cij + 2] += factor * c02;
  out[cij + 3] += factor * c03;
  const r1 = cij + c.stride;
  out[r1] += factor * c10;
  out[r1 + 1] += factor * c11;
  out[r1 + 2] += factor * c12;
  out[r1 + 3] += factor * c13;
  const r2 = r1 + c.stride;
  out[r2] += factor * c20;
  out[r2 + 1] += factor * c21;
  out[r2 + 2] += factor * c22;
  out[r2 + 3] += factor * c23;
  const r3 = r2 + c.stride;
  out[r3] += factor * c30;
  out[r3 + 1] += factor * c31;
  out[r3 + 2] += factor * c32;
  out[r3 + 3] += factor * c33;
}

function addEdge(
  c: Part,
  cij: number,
  a: Part,
  ai: number,
  b: Part,
  bj: number,
  rows: number,
  columns: number,
  length: number,
  factor: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const x = ai + i * a.stride;
      const y = bj + j * b.stride;
      let sum = 0;
      for (let p = 0; p < length; p++) sum += a.data[x + p] * b.data[y + p];
      c.data[cij + i * c.stride + j] += factor * sum;
    }
  }
}
