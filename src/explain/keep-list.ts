// Which nodes are worth keeping in float: the costliest ones, until what they cost adds up to half of the total, as far as measuring agrees.

/** Beyond these, a list is no advice any more. */
const most = 8;
const share = 0.5;

/** Indices into `costs`, costliest first; nodes that cost nothing are never among them. */
export function chooseKept(costs: readonly number[]): number[] {
  const order = rank(costs).filter((index) => costs[index] > 0);
  const broken = order.filter((index) => costs[index] === Number.POSITIVE_INFINITY);
  if (broken.length > 0) return broken;
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  let reached = 0;
  const kept: number[] = [];
  for (const index of order) {
    if (kept.length === most || reached >= share * total) break;
    kept.push(index);
    reached += costs[index];
  }
  return kept;
}

/** Of what the best list saves, a shorter one has to save so much. */
const enough = 0.9;

/**
 * How many of the candidates to keep: the fewest that save nearly as much as any number of them does; 0 where none saves anything.
 * `costs[i]`: of everything quantized but the first i + 1.
 */
export function cheapestPrefix(costOfAll: number, costs: readonly number[]): number {
  const least = Math.min(...costs);
  if (!(least < costOfAll)) return 0;
  // Infinite where only some of the lists leave finite outputs.
  if (costOfAll === Number.POSITIVE_INFINITY) return costs.indexOf(least) + 1;
  return costs.findIndex((cost) => costOfAll - cost >= enough * (costOfAll - least)) + 1;
}

/** Indices by cost, largest first; equals in their order. */
export function rank(costs: readonly number[]): number[] {
  return [...costs.keys()].sort((a, b) => (costs[a] === costs[b] ? a - b : costs[b] - costs[a]));
}

/** The selector that matches a node of this label, and stays one line: control characters become the glob for any character. */
export function selectorOf(label: string): string {
  const text = label.replace(/\p{Cc}/gu, '?');
  return /^(?:re|op):/.test(text) ? `?${text.slice(1)}` : text;
}

/** `--exclude a --exclude 'b c'`, to be pasted into a shell. */
export function excludeFlags(selectors: readonly string[]): string {
  return selectors.map((selector) => `--exclude ${quote(selector)}`).join(' ');
}

function quote(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
