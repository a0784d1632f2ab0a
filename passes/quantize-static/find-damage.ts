// Which few of many operators do the damage: the group that does most by itself is halved until one operator is left, which is then spared, and what the
// others do together is measured again. Where few do most of it, this takes a few times the logarithm of their number instead of a measurement for each.

export interface DamageSearch<T> {
  /** Error of the outputs where these alone are quantized, each as far as it still is. */
  errorOf(operators: readonly T[]): Promise<number>;
  /** Spares an operator, more each time; false once it is not quantized at all any more. */
  spare(operator: T): boolean;
}

export interface Damage<T> {
  /** In the order in which they were spared. */
  readonly spared: readonly T[];
  /** What is left with them. */
  readonly error: number;
}

/** Of the limit: below it nothing more is spared. */
const comfortable = 1 / 4;

/**
 * @param operators in graph order, so that halves hold neighbours.
 * @param error of all of them.
 * @param limit what the error has to come down to; operators that alone do more than half of what is left are spared down to a quarter of it.
 * @param most how often `errorOf` may be asked.
 */
export async function findDamage<T>(
  operators: readonly T[],
  error: number,
  limit: number,
  most: number,
  { errorOf, spare }: DamageSearch<T>,
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
  while (groups.length > 0 && asked < most) {
    groups.sort((a, b) => b.error - a.error);
    if (left <= limit && (groups[0].error <= left / 2 || left <= limit * comfortable)) break;
    const { members } = groups.shift()!;
    if (members.length > 1) {
      const middle = members.length >> 1;
      for (const half of [members.slice(0, middle), members.slice(middle)])
        groups.push({ members: half, error: await measure(half) });
      continue;
    }
    const [operator] = members;
    spared.add(operator);
    if (spare(operator)) groups.push({ members, error: await measure(members) });
    else gone.add(operator);
    left = await measure(operators.filter((other) => !gone.has(other)));
  }
  return { spared: [...spared], error: left };
}
