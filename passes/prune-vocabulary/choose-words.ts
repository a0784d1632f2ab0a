// Which words stay: those that the texts use, and special tokens whatever happens.

export interface WordChoice {
  /** Ids of the words that stay, ascending: row r of the new table is word kept[r]. */
  readonly kept: Int32Array;
  readonly gone: Int32Array;
}

/** `counts`: how often each word was used. `goes`: how many words go, the rarest and latest first; null: those used less than `minCount` times. */
export function chooseWords(
  counts: Float64Array,
  special: ReadonlySet<number>,
  goes: number | null,
  minCount: number,
): WordChoice {
  const candidates = [...counts.keys()].filter((id) => !special.has(id));
  const order = candidates.sort((a, b) => counts[a] - counts[b] || b - a);
  const first = goes === null ? order.filter((id) => counts[id] < minCount) : order.slice(0, goes);
  // One word stays, so that there is a table.
  const gone = new Set(first.slice(0, counts.length - 1));
  return {
    kept: Int32Array.from([...counts.keys()].filter((id) => !gone.has(id))),
    gone: Int32Array.from([...gone].sort((a, b) => a - b)),
  };
}

/** Row of the new table by old id: its own, or for a word that is gone what `substitutes` says (rows, in the order of `gone`). */
export function remapping({ kept, gone }: WordChoice, substitutes: Int32Array): Int32Array {
  const rows = new Int32Array(kept.length + gone.length);
  for (const [row, id] of kept.entries()) rows[id] = row;
  for (const [at, id] of gone.entries()) rows[id] = substitutes[at];
  return rows;
}
