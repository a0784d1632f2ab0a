// An axis that is made of others: Reshape splits 256 channels into 8 heads of 32, a grouped convolution sees its channels as groups of
// channels. A coordinate of the whole is one of each part, but removing can follow only one part: the live one; the others are frozen.
import type { Axis } from './axis.js';
import type { CoordinateClasses } from './coordinate-classes.js';

export interface Composition {
  readonly whole: Axis;
  /** Outermost first; the product of their lengths is that of the whole. */
  readonly parts: readonly Axis[];
  /** Which part lives when several could. */
  readonly prefers: 'outermost' | 'innermost';
  readonly place: string;
}

/** Chooses the live part of every composition: one that nothing freezes, the same where the same axis is composed alike. */
export function decideCompositions(classes: CoordinateClasses, compositions: readonly Composition[]): void {
  const pending = new Set(compositions);
  while (pending.size > 0) {
    joinAlike(classes, compositions);
    let decided = false;
    for (const composition of pending) {
      const open = composition.parts.filter((part) => isOpen(classes, part));
      if (open.length > 1 && isOpen(classes, composition.whole)) continue;
      decide(classes, composition, isOpen(classes, composition.whole) ? open[0] : undefined);
      pending.delete(composition);
      decided = true;
    }
    if (decided) continue;
    const all = [...pending];
    const next = all.find(({ prefers }) => prefers === 'innermost') ?? all[0];
    const open = next.parts.filter((part) => isOpen(classes, part));
    decide(classes, next, next.prefers === 'innermost' ? open.at(-1) : open[0]);
    pending.delete(next);
  }
}

function isOpen(classes: CoordinateClasses, axis: Axis): boolean {
  if (axis.length === null || axis.length < 2) return false;
  for (let index = 0; index < axis.length; index++) if (classes.reasonAt(axis.first + index) === null) return true;
  return false;
}

function decide(classes: CoordinateClasses, { whole, parts, place }: Composition, live: Axis | undefined): void {
  const length = whole.length ?? 0;
  if (live === undefined) {
    // Frozen parts freeze the whole and the other way round.
    const longestFirst = parts.toSorted((a, b) => (b.length ?? 0) - (a.length ?? 0));
    const reason = reasonOf(classes, [whole, ...longestFirst]) ?? `${place} splits an axis that cannot be changed`;
    for (const axis of [whole, ...parts]) freezeAxis(classes, axis, reason);
    return;
  }
  let stride = 1;
  for (const part of parts.slice(parts.indexOf(live) + 1)) stride *= part.length ?? 1;
  for (let index = 0; index < length; index++) {
    classes.join(whole.first + index, live.first + (Math.floor(index / stride) % live.length!));
  }
  for (const part of parts) {
    if (part !== live) freezeAxis(classes, part, `${place} lets only one of the axes in its channels shrink`);
  }
}

function reasonOf(classes: CoordinateClasses, axes: readonly Axis[]): string | null {
  for (const { first, length } of axes) {
    if (length === null || length < 2) continue;
    for (let index = 0; index < length; index++) {
      const reason = classes.reasonAt(first + index);
      if (reason !== null) return reason;
    }
  }
  return null;
}

function freezeAxis(classes: CoordinateClasses, { first, length }: Axis, reason: string): void {
  for (let index = 0; index < (length ?? 0); index++) classes.freeze(first + index, reason);
}

/** Where the same axis is composed of parts of the same lengths, these are the same axes. */
function joinAlike(classes: CoordinateClasses, compositions: readonly Composition[]): void {
  const known = new Map<string, Composition>();
  for (const composition of compositions) {
    const { whole, parts } = composition;
    const roots = Array.from({ length: whole.length ?? 0 }, (_, index) => classes.find(whole.first + index));
    const key = `${parts.map(({ length }) => length)}:${roots}`;
    const other = known.get(key);
    if (!other) {
      known.set(key, composition);
      continue;
    }
    for (const [at, part] of parts.entries()) {
      const same = other.parts[at];
      for (let index = 0; index < (part.length ?? 0); index++) classes.join(part.first + index, same.first + index);
    }
  }
}
