// Names and revision shared by a graph and all its subgraphs (a model's main graph or the body of a local function).

export class Scope {
  /** Grows with every edit, so that a change is observed, never claimed. */
  revision = 0;
  private readonly names = new Map<string, number>();

  /** Notes that `name` is taken (once more: sibling subgraphs may use the same name). */
  claim(name: string): void {
    this.names.set(name, (this.names.get(name) ?? 0) + 1);
  }

  release(name: string): void {
    const count = (this.names.get(name) ?? 1) - 1;
    if (count > 0) this.names.set(name, count);
    else this.names.delete(name);
  }

  /** Whether several values are called so: in sibling subgraphs, or one hiding another of an enclosing graph. */
  isAmbiguous(name: string): boolean {
    return (this.names.get(name) ?? 0) > 1;
  }

  /** `base`, or `base_1`, `base_2`…: the first that nothing in any graph of this scope is called. */
  uniqueName(base: string): string {
    if (base !== '' && !this.names.has(base)) return base;
    for (let index = 1; ; index++) {
      const name = `${base}_${index}`;
      if (!this.names.has(name)) return name;
    }
  }
}
