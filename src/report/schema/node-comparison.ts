// What a report says of single nodes: how far their outputs moved, and for the worst, how weights and outputs are distributed.
import { z } from 'zod';

const count = z.int().min(0);
const histogram = z.strictObject({
  low: z.number().describe('lower edge of the first bin'),
  high: z.number().describe('upper edge of the last bin'),
  counts: z.array(count).describe('of bins of equal width'),
});

export const nodeComparison = z.strictObject({
  samples: count.describe('seeded synthetic inputs'),
  nodes: z
    .array(
      z.strictObject({
        node: z.string(),
        operator: z.string().describe('before anything was changed'),
        sqnr: z
          .number()
          .nullable()
          .describe('of its output, errors from before it included, in dB; null without noise'),
        cosine: z.number().nullable(),
      }),
    )
    .describe('nodes with weights, in graph order'),
  worst: z.array(
    z.strictObject({
      node: z.string(),
      weights: histogram.nullable().describe('of its largest weight in the original'),
      original: histogram.describe('of its output'),
      result: histogram.describe('of the same output, over the same range'),
    }),
  ),
});

export const weightGroups = z.array(
  z.strictObject({
    group: z.string().describe('what the names of the nodes that use the weights begin with'),
    input: z.record(z.string(), count).describe('bytes by data type'),
    output: z.record(z.string(), count),
  }),
);

export type NodeComparison = z.infer<typeof nodeComparison>;
export type WeightGroups = z.infer<typeof weightGroups>;
