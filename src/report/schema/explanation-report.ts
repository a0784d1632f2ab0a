// What `dsopt explain --json` prints. Two identical runs differ in `timing` only.
import { z } from 'zod';
import { modelFacts } from './compression-report.js';
import { environment } from './environment-facts.js';
import { schemaName } from './schema-name.js';

const count = z.int().min(0);
const value = z.number().nullable().describe('null where it is not defined or not finite');
const interval = z.strictObject({ low: z.number(), high: z.number() }).nullable().describe('95 % confidence interval');

const figure = z.strictObject({ name: z.string(), value, interval });

const effect = z.strictObject({
  ownSqnr: z
    .number()
    .nullable()
    .describe(
      'signal to noise of the output of the node that alone is quantized, in dB; null without one, or without noise',
    ),
  metrics: z.array(
    figure.extend({
      difference: z
        .strictObject({ value, interval })
        .nullable()
        .describe('from the model in float on the same examples'),
    }),
  ),
  fidelity: z.array(figure).describe('outputs against those of the model in float: agreement, kl (nats), sqnr (dB)'),
  nonFinite: count.describe('samples with an output that is not finite'),
});

export const explanationReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.literal('explain'),
  seed: z.int(),
  threads: count,
  model: modelFacts,
  data: z.strictObject({
    path: z.string().nullable().describe('null for seeded synthetic inputs'),
    description: z.string(),
    samples: count.nullable(),
  }),
  output: z.string().nullable().describe('the output that answers; null where nothing was measured'),
  original: z.array(figure).describe('metrics of the model in float'),
  methods: z.array(
    z.strictObject({
      bits: count,
      description: z.string().describe('how nodes were quantized'),
      measure: z
        .enum(['kl', 'sqnr'])
        .describe('what nodes are put in order by: KL divergence, or noise of the outputs'),
      all: effect.nullable().describe('every node quantized'),
      keep: z.array(z.string()).describe('nodes worth keeping in float, costliest first'),
      rest: effect.nullable().describe('every node but those quantized'),
      exclude: z.string().describe('the same as options of dsopt quantize'),
    }),
  ),
  nodes: z
    .array(
      z.strictObject({
        node: z.string(),
        operator: z.string(),
        weights: z.array(z.string()),
        bytes: count.describe('of its constant floats'),
        macs: z.number().nullable().describe('multiply-accumulates of one inference; null where shapes are not known'),
        fisher: z
          .number()
          .nullable()
          .describe(
            'by the Fisher information, how far the loss rises (nats) when each weight is off by a random share of itself, for a share of 1; null without data or gradients',
          ),
        effects: z
          .array(
            z.strictObject({
              bits: count,
              share: z.number().nullable().describe('of what all nodes cost when each is quantized alone'),
              effect: effect.nullable().describe('on the outputs when it alone is quantized'),
              reason: z.string().nullable().describe('why there is no effect'),
            }),
          )
          .describe('in the order of methods'),
      }),
    )
    .describe('costliest under the first method first'),
  environment,
  timing: z.strictObject({
    milliseconds: z.number(),
    inference: z.number().describe('microseconds of one inference in all nodes'),
    nodes: z.array(
      z.strictObject({ node: z.string(), microseconds: z.number(), share: z.number().describe('of the inference') }),
    ),
  }),
});

export type ExplanationReport = z.infer<typeof explanationReport>;
