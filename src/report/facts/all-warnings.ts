// Everything that a report warns of, in the order in which it came up.
import type { CompressionReport } from '../schema/compression-report.js';
import { slowdownWarning } from './slowdown-warning.js';

/** Those of passes begin with the name of the pass. */
export function allWarnings(report: CompressionReport): string[] {
  const slow = slowdownWarning(report);
  return [
    ...report.warnings,
    ...report.passes.flatMap(({ pass, warnings }) => warnings.map((warning) => `${pass}: ${warning}`)),
    ...(slow ? [slow] : []),
  ];
}
