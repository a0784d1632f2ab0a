// Classes of coordinates that can only be removed together: a union-find over all coordinates of all axes of a model. A class may be
// frozen, with the reason why none of its coordinates can go.

export class CoordinateClasses {
  private parents = new Int32Array(1024);
  private count = 0;
  private readonly reasons = new Map<number, string>();

  /** Adds `length` coordinates, each a class of its own; returns the first. */
  allocate(length: number): number {
    const first = this.count;
    this.count += length;
    if (this.count > this.parents.length) {
      const grown = new Int32Array(Math.max(this.count, 2 * this.parents.length));
      grown.set(this.parents);
      this.parents = grown;
    }
    for (let coordinate = first; coordinate < this.count; coordinate++) this.parents[coordinate] = coordinate;
    return first;
  }

  /** The representative of the class of `coordinate`. */
  find(coordinate: number): number {
    const { parents } = this;
    let root = coordinate;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]];
      root = parents[root];
    }
    return root;
  }

  join(a: number, b: number): void {
    const first = this.find(a);
    const second = this.find(b);
    if (first === second) return;
    // The smaller number stays, so that classes come out in the order in which coordinates were added.
    const [root, child] = first < second ? [first, second] : [second, first];
    this.parents[child] = root;
    const reason = this.reasons.get(child);
    if (reason === undefined) return;
    this.reasons.delete(child);
    if (!this.reasons.has(root)) this.reasons.set(root, reason);
  }

  /** The first reason given for a class stays. */
  freeze(coordinate: number, reason: string): void {
    const root = this.find(coordinate);
    if (!this.reasons.has(root)) this.reasons.set(root, reason);
  }

  /** Why the class of `coordinate` cannot be removed; null when it can. */
  reasonAt(coordinate: number): string | null {
    return this.reasons.get(this.find(coordinate)) ?? null;
  }
}
