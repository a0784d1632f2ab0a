// What a validation metric says of a student's answers on held-out examples: how many are right, or are those of its teacher.
import type { Tensor } from '../../tensor/index.js';

export const judges = ['loss', 'accuracy', 'agreement'] as const;
export type Judge = (typeof judges)[number];

/** Rows whose answer counts, and those of them that have it. */
export interface Tally {
  readonly right: number;
  readonly counted: number;
}

/** `answers`: class scores [..., classes]. `expected`: class numbers by row, negative ones are not counted; or scores of the same shape. */
export function countRight(answers: Tensor, expected: Tensor): Tally {
  const classes = answers.shape[answers.shape.length - 1];
  const given = likeliest(answers.readFloat32(), classes);
  const wanted = expected.dataType === 'float32' ? likeliest(expected.readFloat32(), classes) : expected.readNumbers();
  let right = 0;
  let counted = 0;
  for (const [row, answer] of given.entries()) {
    if (!(wanted[row] >= 0)) continue;
    counted++;
    if (answer === wanted[row]) right++;
  }
  return { right, counted };
}

function likeliest(scores: Float32Array, classes: number): number[] {
  return Array.from({ length: scores.length / classes }, (_, row) => {
    const first = row * classes;
    let best = 0;
    for (let i = 1; i < classes; i++) if (scores[first + i] > scores[first + best]) best = i;
    return best;
  });
}
