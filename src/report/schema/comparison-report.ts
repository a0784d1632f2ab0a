// What `dsopt compare --json` prints.
import { z } from 'zod';
import { fidelity, modelFacts } from './compression-report.js';
import { environment } from './environment-facts.js';
import { compressionEvaluation } from './evaluation-report.js';
import { schemaName } from './schema-name.js';

export const comparisonReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.literal('compare'),
  seed: z.int(),
  models: z.tuple([modelFacts, modelFacts]),
  differences: z.array(z.string()).describe('of inputs, outputs and opsets, in words'),
  fidelity: fidelity.describe('outputs of the second model against those of the first'),
  evaluation: compressionEvaluation
    .omit({ limit: true })
    .describe('agreement, KL divergence and SQNR of the second model; metrics where data was given'),
  environment,
});

export type ComparisonReport = z.infer<typeof comparisonReport>;
