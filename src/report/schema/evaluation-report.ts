// What `dsopt eval --json` prints, and what the report of a compressed model says of its task. Two identical runs differ in `timing` only.
import { z } from 'zod';
import { environment } from './environment-facts.js';
import { schemaName } from './schema-name.js';

const count = z.int().min(0);
const interval = z.strictObject({ low: z.number(), high: z.number() }).nullable().describe('95 % confidence interval');
const value = z.number().nullable().describe('null where it is not defined or not finite');

const metricValue = z.strictObject({
  name: z.string(),
  value,
  interval,
  difference: z
    .strictObject({
      value,
      interval,
      significant: z.boolean().describe('the difference is more than chance explains, at 5 %'),
      pValue: z.number().nullable().describe("McNemar's exact test; null where answers are not independent"),
      gained: count.nullable().describe('answers that only this model gets right'),
      lost: count.nullable().describe('answers that only the first model gets right'),
    })
    .nullable()
    .describe('from the first model on the same examples; null for the first model'),
});

const evaluatedModel = z.strictObject({
  path: z.string().nullable().describe('null for a model in memory'),
  bytes: count.describe('of the model file and its data files'),
  metrics: z.array(metricValue).describe('in the order they were asked for'),
  fidelity: z
    .array(metricValue.omit({ difference: true }))
    .describe('how close to the first model: agreement, kl (nats), sqnr (dB)'),
  nonFinite: count.describe('samples with an output that is not finite'),
});

const circumstances = {
  data: z.strictObject({
    path: z.string().nullable().describe('null where a program of the user evaluates'),
    description: z.string().describe('what was taken from where'),
    examples: count.nullable(),
  }),
  evalCommand: z.string().nullable(),
  output: z.string().nullable().describe('the output that answers'),
  batch: count,
  threads: count,
};

export const evaluationReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.literal('eval'),
  ...circumstances,
  seed: z.int(),
  models: z.array(evaluatedModel),
  environment,
  timing: z.strictObject({
    milliseconds: z.number(),
    inference: z.array(z.number()).describe('milliseconds in the engine, by model'),
  }),
});

/** The evaluation section of a compression report. */
export const compressionEvaluation = z.strictObject({
  ...circumstances,
  models: z.tuple([evaluatedModel, evaluatedModel]).describe('original and result, on the same samples'),
  limit: z
    .strictObject({
      metric: z.string(),
      maxDrop: z.string().describe('what was allowed: 0.5 pp, 2 %'),
      amount: z.number().nullable().describe('how much worse the result is, in the units of maxDrop; null: no figure'),
      kept: z.boolean(),
    })
    .nullable()
    .describe('null where any loss was allowed'),
});

export type CompressionEvaluation = z.infer<typeof compressionEvaluation>;
export type EvaluationReport = z.infer<typeof evaluationReport>;
