// What errors of one operator do to the outputs of its model, from a few that were measured. Divergence grows with the error while that is small
// and faster later on, so that between two measurements it is taken as a power of the error: a line on logarithmic axes.

/** How far an error may be from a measured one, as a factor, to count as measured. */
const nearby = 1.5;
/** Stands for a model that gives no finite outputs any more: finite, so that damages can be added and compared. */
const mostDivergence = 1e100;

export class DamageCurve {
  /** Ascending by error; errors and divergences are positive. */
  private readonly points: { readonly error: number; readonly divergence: number }[] = [];

  /** Without effect where one of the two is 0, which no logarithm shows. */
  add(error: number, divergence: number): void {
    if (!(error > 0 && divergence > 0)) return;
    const same = this.points.findIndex((point) => point.error === error);
    if (same >= 0) this.points.splice(same, 1);
    this.points.push({ error, divergence: Math.min(divergence, mostDivergence) });
    this.points.sort((a, b) => a.error - b.error);
  }

  isMeasuredNear(error: number): boolean {
    return this.points.some((point) => error <= point.error * nearby && point.error <= error * nearby);
  }

  /** In proportion to the error below the first measurement, and above the only one; 0 where nothing was measured. */
  at(error: number): number {
    if (!(error > 0) || this.points.length === 0) return 0;
    const [first] = this.points;
    if (this.points.length === 1 || error <= first.error) return (first.divergence / first.error) * error;
    let next = 1;
    while (next < this.points.length - 1 && this.points[next].error < error) next++;
    const from = this.points[next - 1];
    const to = this.points[next];
    const power = Math.log(to.divergence / from.divergence) / Math.log(to.error / from.error);
    // Measurements on few samples may fall with the error; what lies behind them does not.
    if (error > to.error) return Math.min(to.divergence * (error / to.error) ** Math.max(power, 1), mostDivergence);
    return from.divergence * (error / from.error) ** power;
  }
}
