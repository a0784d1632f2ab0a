// Which of several results is taken, each made with some techniques or none: the plainest with the least error on samples that none was fitted to.
// Every technique gets a verdict, for the report.

export interface Verdict {
  readonly technique: string;
  readonly kept: boolean;
  /** Least error of what was made without the technique, and of what was made with it. */
  readonly before: number;
  readonly after: number;
}

export interface Judged<T> {
  readonly best: T;
  readonly error: number;
  readonly verdicts: readonly Verdict[];
}

/**
 * @param candidates from the plainest on; of equal ones the first is taken.
 * @param errors of each, on samples that were held out.
 */
export function judge<T extends { readonly techniques: readonly string[] }>(
  candidates: readonly T[],
  errors: readonly number[],
): Judged<T> {
  const least = (some: (candidate: T) => boolean): number =>
    Math.min(...candidates.map((candidate, index) => (some(candidate) ? errors[index] : Number.POSITIVE_INFINITY)));
  const error = least(() => true);
  const best = candidates[Math.max(errors.indexOf(error), 0)];
  const techniques = new Set(candidates.flatMap((candidate) => candidate.techniques));
  const verdicts = [...techniques].map((technique) => ({
    technique,
    kept: best.techniques.includes(technique),
    before: least((candidate) => !candidate.techniques.includes(technique)),
    after: least((candidate) => candidate.techniques.includes(technique)),
  }));
  return { best, error, verdicts };
}
