// The least number of things, the most important first, with which a condition holds: found by doubling, then by halving what is left.

/**
 * `holds` is asked for counts from 1 to `most`, and may cost much. Where it does not hold for `most`, null. Something that holds for a count is taken
 * to hold for larger ones.
 */
export async function smallestCount(most: number, holds: (count: number) => Promise<boolean>): Promise<number | null> {
  let fails = 0;
  let count = Math.min(1, most);
  while (count > 0 && !(await holds(count))) {
    if (count === most) return null;
    fails = count;
    count = Math.min(2 * count, most);
  }
  while (count - fails > 1) {
    const middle = (count + fails) >> 1;
    if (await holds(middle)) count = middle;
    else fails = middle;
  }
  return most === 0 ? null : count;
}
