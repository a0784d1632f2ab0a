// How the share of zeros grows: fast at first, slower towards the end, as s(t) = s₁ + (s₀ − s₁)(1 − t)³ (Zhu & Gupta, "To prune, or not to
// prune", 2017).

/** The shares of `steps` steps, from `first` to `last`. */
export function cubicSchedule(first: number, last: number, steps: number): number[] {
  return Array.from({ length: steps }, (_, step) => last + (first - last) * (1 - step / (steps - 1)) ** 3);
}
