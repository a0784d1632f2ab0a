// Which few of many operators do the damage: the group that does most by itself is halved until one operator is left, which is then spared, and what the
// others do together is measured again. Where few do most of it, this takes a few times the logarithm of their number instead of a measurement for each.

export interface DamageSearch<T> {
  /** Error of the outputs where these alone are quantized, each as far as it still is. */
  errorOf(operators: readonly T[]): Promise<number>;
  /** Spares an operator, more each time; false once it is not quantized at all any more. */
  spare(operator: T): boolean;
  /** Quantizes it as before it was spared; what comes back undoes that. */
  restore(operator: T): () => void;
  /** Whether an operator that does this share of the damage is worth sparing although the error is bearable. */
  isWorth(operator: T, share: number): boolean;
}

export interface DamageLimits {
  /** What the error has to come down to, whatever is spared for it. */
  readonly bearable: number;
  /** Down to here what is worth it is spared. */
  readonly good: number;
  /** How often `errorOf` may be asked. */
  readonly most: number;
  /** How often where the error is bearable. */
  readonly mostOfBearable: number;
}

export interface Damage<T> {
  /** In the order in which they were spared. */
  readonly spared: readonly T[];
  /** What is left with them. */
  readonly error: number;
}

/** Of a bearable error: a group that does less has no operator worth looking for. */
const leastShare = 1 / 8;
/** An operator without which the error is no more than this many times as large has no reason to be spared. */
const idle = 1.05;

/**
 * @param operators in graph order, so that halves hold neighbours.
 * @param error of all of them.
 */
export async function findDamage<T>(
  operators: readonly T[],
  error: number,
  { bearable, good, most, mostOfBearable }: DamageLimits,
  { errorOf, spare, restore, isWorth }: DamageSearch<T>,
): Promise<Damage<T>> {
  const groups = [{ members: operators, error }];
  const gone = new Set<T>();
  const spared = new Set<T>();
  let left = error;
  let asked = 0;
  const measure = (members: readonly T[]): Promise<number> => {
    asked++;
    return members.length === 0 ? Promise.resolve(0) : errorOf(members);
  };
  while (left > good && groups.length > 0) {
    groups.sort((a, b) => b.error - a.error);
    const isUrgent = left > bearable;
    if (asked >= (isUrgent ? most : mostOfBearable) || (!isUrgent && groups[0].error < left * leastShare)) break;
    const { members, error: own } = groups.shift()!;
    if (members.length > 1) {
      const middle = members.length >> 1;
      for (const half of [members.slice(0, middle), members.slice(middle)])
        groups.push({ members: half, error: await measure(half) });
      continue;
    }
    const [operator] = members;
    if (!isUrgent && !isWorth(operator, own / left)) continue;
    spared.add(operator);
    if (spare(operator)) groups.push({ members, error: await measure(members) });
    else gone.add(operator);
    left = await measure(operators.filter((other) => !gone.has(other)));
  }
  // A value between two operators is rounded by both: to spare one of them may have helped nothing.
  const kept: T[] = [];
  for (const operator of [...spared].reverse()) {
    const wasGone = gone.delete(operator);
    const spareAgain = restore(operator);
    const restored = await measure(operators.filter((other) => !gone.has(other)));
    if (restored <= left * idle) {
      left = restored;
      continue;
    }
    kept.unshift(operator);
    spareAgain();
    if (wasGone) gone.add(operator);
  }
  return { spared: kept, error: left };
}
