// The damage that removing the first k units of a group does to the outputs, from the squared errors of its consumers and a few measurements.

/** How many units were gone, and the damage that was measured then; ascending. */
export type MeasuredDamage = readonly (readonly [count: number, damage: number])[];

/**
 * `errors` (by the number of units gone, ascending from 0) as damage: times a factor that makes them what was measured, interpolated
 * geometrically between measurements and constant before the first and behind the last. Never falls.
 */
export function scaledCurve(errors: Float64Array, measured: MeasuredDamage): Float64Array {
  const known = measured.flatMap(([count, damage]) =>
    errors[count] > 0 && damage > 0 ? [[count, Math.log(damage / errors[count])] as const] : [],
  );
  const curve = new Float64Array(errors.length);
  for (let count = 1; count < errors.length; count++) {
    curve[count] = Math.max(curve[count - 1], errors[count] * factorAt(count, known));
  }
  return curve;
}

function factorAt(count: number, known: MeasuredDamage): number {
  if (known.length === 0) return 0;
  const next = known.findIndex(([at]) => at >= count);
  if (next <= 0) return Math.exp((next < 0 ? known[known.length - 1] : known[0])[1]);
  const [[before, low], [after, high]] = [known[next - 1], known[next]];
  return Math.exp(low + ((high - low) * (count - before)) / (after - before));
}
