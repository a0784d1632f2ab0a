// Which block of the teacher each block of the student follows (Sun et al. 2019: skip and last; Jiao et al. 2020: given).

/** Pairs are [student, teacher], counted from 1. */
export type LayerMapping = 'uniform' | 'last' | readonly (readonly [number, number])[];

/** `uniform`, `last`, or `1-2,2-4`; null for what is none of these. */
export function parseMapping(text: string): LayerMapping | null {
  if (text === 'uniform' || text === 'last') return text;
  const pairs = text.split(',').map((part) => /^\s*([1-9]\d*)-([1-9]\d*)\s*$/.exec(part));
  return pairs.every((pair) => pair !== null)
    ? pairs.map((pair) => [Number(pair![1]), Number(pair![2])] as const)
    : null;
}

/** Pairs of positions, from 0 on: [student, teacher]. Given pairs that do not exist are null altogether. */
export function mapLayers(mapping: LayerMapping, own: number, others: number): (readonly [number, number])[] | null {
  if (mapping === 'uniform') {
    return Array.from({ length: own }, (_, i) => [i, Math.max(0, Math.round(((i + 1) * others) / own) - 1)]);
  }
  if (mapping === 'last') {
    const count = Math.min(own, others);
    return Array.from({ length: count }, (_, i) => [own - count + i, others - count + i]);
  }
  return mapping.every(([a, b]) => a <= own && b <= others) ? mapping.map(([a, b]) => [a - 1, b - 1]) : null;
}
