// What detectors say: boxes above a score, without those that overlap a better one; and how far two models agree on them.
import type { Tensor } from '../../src/tensor/index.js';

export interface Box {
  readonly kind: number;
  readonly score: number;
  /** Left, top, right, bottom. */
  readonly edges: readonly [number, number, number, number];
}

/** A set of boxes, or of the pixels that are set. */
export type Decoder = (outputs: Readonly<Record<string, Tensor>>) => readonly Box[] | ReadonlySet<number>;

const leastScore = 0.5;

/** UltraFace: scores [1, n, 2] and boxes [1, n, 4], relative to the image. */
export const ssdFaces: Decoder = ({ scores, boxes }) => {
  const score = scores.readFloat32();
  const edges = boxes.readFloat32();
  const all = Array.from({ length: score.length / 2 }, (_, i) => ({
    kind: 0,
    score: score[2 * i + 1],
    edges: four(edges, 4 * i),
  }));
  return suppress(all.filter((box) => box.score > leastScore));
};

/** UltraFace without its last nodes: boxes are offsets from prior boxes, by variances of 0.1 and 0.2. */
export const ssdFacesByPriors: Decoder = ({ scores, boxes }) => {
  const score = scores.readFloat32();
  const offsets = boxes.readFloat32();
  const all = facePriors.map(([x, y, width, height], i) => {
    const [dx, dy, dw, dh] = four(offsets, 4 * i);
    const [centreX, centreY] = [x + 0.1 * dx * width, y + 0.1 * dy * height];
    const [halfWidth, halfHeight] = [(width * Math.exp(0.2 * dw)) / 2, (height * Math.exp(0.2 * dh)) / 2];
    const edges = [centreX - halfWidth, centreY - halfHeight, centreX + halfWidth, centreY + halfHeight] as const;
    return { kind: 0, score: score[2 * i + 1], edges };
  });
  return suppress(all.filter((box) => box.score > leastScore));
};

/** Centre, width and height, relative to an image of 320×240: row by row, by stride, a square of each side at every position. */
const facePriors = (
  [
    [8, [10, 16, 24]],
    [16, [32, 48]],
    [32, [64, 96]],
    [64, [128, 192, 256]],
  ] as const
).flatMap(([stride, sides]) => {
  const [columns, rows] = [Math.ceil(320 / stride), Math.ceil(240 / stride)];
  return Array.from({ length: columns * rows }, (_, i) => [
    (((i % columns) + 0.5) * stride) / 320,
    ((Math.floor(i / columns) + 0.5) * stride) / 240,
  ]).flatMap(([x, y]) => sides.map((side) => [x, y, side / 320, side / 240] as const));
});

/** SCRFD: by stride, scores and distances from two anchors a position to the four edges. */
export const scrfdFaces: Decoder = (outputs) => {
  const all: Box[] = [];
  for (const stride of [8, 16, 32]) {
    const score = outputs[`score_${stride}`].readFloat32();
    const distances = outputs[`bbox_${stride}`].readFloat32();
    const columns = 640 / stride;
    for (let i = 0; i < score.length; i++) {
      const x = ((i >> 1) % columns) * stride;
      const y = Math.floor((i >> 1) / columns) * stride;
      const [left, top, right, bottom] = four(distances, 4 * i).map((distance) => distance * stride);
      if (score[i] > leastScore)
        all.push({ kind: 0, score: score[i], edges: [x - left, y - top, x + right, y + bottom] });
    }
  }
  return suppress(all);
};

/** YOLOX: 85 numbers a position, of strides 8, 16 and 32, the first four relative to it. */
export const yoloxObjects: Decoder = ({ output }) => {
  const values = output.readFloat32();
  const all: Box[] = [];
  let row = 0;
  for (const stride of [8, 16, 32]) {
    const columns = 416 / stride;
    for (let i = 0; i < columns * columns; i++, row++) {
      const at = row * 85;
      let kind = 0;
      for (let c = 1; c < 80; c++) if (values[at + 5 + c] > values[at + 5 + kind]) kind = c;
      const score = values[at + 4] * values[at + 5 + kind];
      if (score <= 0.3) continue;
      const [x, y] = [(values[at] + (i % columns)) * stride, (values[at + 1] + Math.floor(i / columns)) * stride];
      const [width, height] = [Math.exp(values[at + 2]) * stride, Math.exp(values[at + 3]) * stride];
      all.push({ kind, score, edges: [x - width / 2, y - height / 2, x + width / 2, y + height / 2] });
    }
  }
  return suppress(all);
};

/** The pixels that PP-OCR takes for text. */
export const binaryMap: Decoder = (outputs) => {
  const [map] = Object.values(outputs);
  return new Set([...map.readFloat32().entries()].flatMap(([index, value]) => (value > 0.3 ? [index] : [])));
};

function four(values: Float32Array, at: number): [number, number, number, number] {
  return [values[at], values[at + 1], values[at + 2], values[at + 3]];
}

/** Greedy non-maximum suppression at an overlap of 0.45. */
function suppress(boxes: readonly Box[]): Box[] {
  const kept: Box[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score).slice(0, 500)) {
    if (kept.every((other) => other.kind !== box.kind || overlap(other, box) < 0.45)) kept.push(box);
  }
  return kept;
}

function overlap({ edges: a }: Box, { edges: b }: Box): number {
  const area = ([left, top, right, bottom]: Box['edges']): number =>
    Math.max(right - left, 0) * Math.max(bottom - top, 0);
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return both / (area(a) + area(b) - both);
}

/** How much of what two models found is the same: 2 · common / (all of the one + all of the other). */
export class Agreement {
  private common = 0;
  private all = 0;

  add(expected: ReturnType<Decoder>, found: ReturnType<Decoder>): void {
    if (expected instanceof Set && found instanceof Set) {
      this.all += expected.size + found.size;
      this.common += [...expected].filter((index) => found.has(index)).length;
      return;
    }
    const open = [...(found as readonly Box[])];
    const wanted = expected as readonly Box[];
    this.all += wanted.length + open.length;
    for (const box of wanted) {
      const match = open.findIndex((other) => other.kind === box.kind && overlap(other, box) >= 0.5);
      if (match < 0) continue;
      open.splice(match, 1);
      this.common++;
    }
  }

  get found(): number {
    return this.all;
  }

  get share(): number {
    return this.all === 0 ? 1 : (2 * this.common) / this.all;
  }
}
