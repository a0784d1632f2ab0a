// Techniques that passes tried, put together by verdict: which were kept where, and the errors without and with them, on samples that they were not
// fitted to.
import type { Verdict } from '../calibration/index.js';

/** What an error is of, as the report says it. */
export type ErrorMeasure = string;

export interface Trial {
  readonly target: string;
  readonly measure: ErrorMeasure;
  readonly verdict: Verdict;
}

/** A technique where it was kept, or where it was not. */
export interface TechniqueFacts {
  readonly technique: string;
  readonly measure: ErrorMeasure;
  readonly kept: boolean;
  readonly targets: readonly string[];
  /** Means over the targets of the error without it and with it. */
  readonly before: number;
  readonly after: number;
}

/** In the order in which techniques were first tried, kept before not kept. */
export function summarizeTrials(trials: readonly Trial[]): TechniqueFacts[] {
  const groups = new Map<string, { kept: Trial[]; left: Trial[] }>();
  for (const trial of trials) {
    const key = JSON.stringify([trial.verdict.technique, trial.measure]);
    const group = groups.get(key) ?? { kept: [], left: [] };
    groups.set(key, group);
    (trial.verdict.kept ? group.kept : group.left).push(trial);
  }
  return [...groups.values()].flatMap(({ kept, left }) => [kept, left].filter(({ length }) => length > 0).map(factsOf));
}

function factsOf(trials: readonly Trial[]): TechniqueFacts {
  const [{ measure, verdict }] = trials;
  const mean = (pick: (verdict: Verdict) => number): number =>
    trials.reduce((sum, trial) => sum + pick(trial.verdict), 0) / trials.length;
  return {
    technique: verdict.technique,
    measure,
    kept: verdict.kept,
    targets: trials.map(({ target }) => target),
    before: mean(({ before }) => before),
    after: mean(({ after }) => after),
  };
}
