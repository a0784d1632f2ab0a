// Which channels of an original are left in a model made of it, told by what they compute: in order, those that correlate best.

/**
 * For each of `own` channels the channel of `all` that it is, ascending: the assignment of the largest sum of correlations. `correlations`
 * [own, all], row-major.
 */
export function matchChannels(correlations: Float64Array, own: number, all: number): number[] {
  // best[i][j]: the first i own channels among the first j of all.
  const width = all + 1;
  const best = new Float64Array((own + 1) * width).fill(Number.NEGATIVE_INFINITY);
  best.fill(0, 0, width);
  for (let i = 1; i <= own; i++) {
    for (let j = i; j <= all; j++) {
      const taken = best[(i - 1) * width + j - 1] + correlations[(i - 1) * all + j - 1];
      best[i * width + j] = Math.max(best[i * width + j - 1], taken);
    }
  }
  const channels: number[] = [];
  for (let i = own, j = all; i > 0; j--) {
    if (j > i && best[i * width + j - 1] === best[i * width + j]) continue;
    channels.unshift(j - 1);
    i--;
  }
  return channels;
}
