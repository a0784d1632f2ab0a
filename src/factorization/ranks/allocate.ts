// Distributes a budget over operators: the choices of least predicted damage whose costs add up to no more. Steps are taken along the lower
// convex hulls of the operators' curves, the one of least damage per saving first, which is the Lagrangian optimum at every budget it passes.

/** One way to leave an operator; `damage` is comparable between operators, and 0 for the original. */
export interface Alternative<Item> {
  readonly item: Item;
  readonly cost: number;
  readonly damage: number;
}

export interface Allocation<Item> {
  /** In the order of the operators. */
  readonly items: readonly Item[];
  readonly cost: number;
  readonly damage: number;
}

/**
 * One alternative per operator. `curves[i]` holds the original of operator i among its alternatives. Steps are taken until the costs add up
 * to `budget`, or until one more would bring the damage over `mostDamage`; the result costs more than the budget where nothing costs less.
 */
export function allocate<Item>(
  curves: readonly (readonly Alternative<Item>[])[],
  budget: number,
  mostDamage = Number.POSITIVE_INFINITY,
): Allocation<Item> {
  const hulls = curves.map(lowerHull);
  const positions = hulls.map(() => 0);
  let cost = hulls.reduce((sum, [first]) => sum + first.cost, 0);
  let damage = hulls.reduce((sum, [first]) => sum + first.damage, 0);
  while (cost > budget) {
    let best = -1;
    let leastSlope = Number.POSITIVE_INFINITY;
    for (const [index, hull] of hulls.entries()) {
      const from = hull[positions[index]];
      const to = hull[positions[index] + 1];
      if (!to) continue;
      const slope = (to.damage - from.damage) / (from.cost - to.cost);
      if (slope < leastSlope) {
        leastSlope = slope;
        best = index;
      }
    }
    if (best < 0) break;
    const from = hulls[best][positions[best]];
    const to = hulls[best][positions[best] + 1];
    if (damage + to.damage - from.damage > mostDamage) break;
    positions[best]++;
    cost += to.cost - from.cost;
    damage += to.damage - from.damage;
  }
  return { items: hulls.map((hull, index) => hull[positions[index]].item), cost, damage };
}

/** From the least damage on, each step cheaper and steeper than the one before. */
function lowerHull<Item>(alternatives: readonly Alternative<Item>[]): Alternative<Item>[] {
  const sorted = [...alternatives].sort((a, b) => a.damage - b.damage || a.cost - b.cost);
  const hull: Alternative<Item>[] = [];
  for (const point of sorted) {
    if (hull.length > 0 && point.cost >= hull[hull.length - 1].cost) continue;
    while (
      hull.length > 1 &&
      slope(hull[hull.length - 2], point) <= slope(hull[hull.length - 2], hull[hull.length - 1])
    ) {
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

function slope<Item>(from: Alternative<Item>, to: Alternative<Item>): number {
  return (to.damage - from.damage) / (from.cost - to.cost);
}
