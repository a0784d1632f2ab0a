// The JSON Schema of everything `--json` prints.
import { z } from 'zod';
import { benchmarkReport } from './benchmark-report.js';
import { comparisonReport } from './comparison-report.js';
import { compressionReport } from './compression-report.js';
import { doctorReport } from './doctor-report.js';
import { errorReport } from './error-report.js';
import { evaluationReport } from './evaluation-report.js';
import { explanationReport } from './explanation-report.js';
import { inspectionReport } from './inspection-report.js';

/** Any report: tell them apart by `command`, and a failure by `error`. */
export const anyReport = z.union([
  compressionReport,
  inspectionReport,
  comparisonReport,
  evaluationReport,
  explanationReport,
  benchmarkReport,
  doctorReport,
  errorReport,
]);

/** JSON Schema (draft 2020-12). */
export function reportJsonSchema(): object {
  return z.toJSONSchema(anyReport);
}
