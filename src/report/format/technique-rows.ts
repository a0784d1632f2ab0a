// Techniques that passes tried, as rows for tables: where each was kept, and the errors without and with it, on samples that were held out.
import type { PassFacts } from '../schema/compression-report.js';
import { plural } from './format.js';

export const techniqueHeader = ['technique', 'kept', 'error without', 'error with', 'error of'] as const;

/** A row a technique; its errors are those of the places where it was kept, or of all where it was kept nowhere. */
export function techniqueRows({ techniques = [] }: Pick<PassFacts, 'techniques'>): string[][] {
  const names = new Set(techniques.map(({ technique, measure }) => JSON.stringify([technique, measure])));
  return [...names].map((name) => {
    const [technique, measure] = JSON.parse(name) as [string, string];
    const own = techniques.filter((facts) => facts.technique === technique && facts.measure === measure);
    const places = own.reduce((sum, { targets }) => sum + targets.length, 0);
    const kept = own.find((facts) => facts.kept);
    const { before, after } = kept ?? own[0];
    const where =
      places === 1 ? (kept ? 'yes' : 'no') : `at ${kept?.targets.length ?? 0} of ${plural(places, 'place')}`;
    return [technique, where, figure(before), figure(after), measure];
  });
}

function figure(error: number | null): string {
  if (error === null) return 'not finite';
  return error !== 0 && error < 0.01 ? error.toExponential(1) : error.toPrecision(3);
}
