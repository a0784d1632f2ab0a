// What `dsopt inspect --json` prints.
import { z } from 'zod';
import { modelFacts } from './compression-report.js';
import { schemaName } from './schema-name.js';

const count = z.int().min(0);

const interfaceValue = z.strictObject({
  name: z.string(),
  type: z.string().describe('element type, or sequence, map, optional'),
  shape: z
    .array(z.union([z.int(), z.string(), z.null()]))
    .nullable()
    .describe('a length, the name of a dynamic axis, or null where the file says nothing; null without a rank'),
});

export const inspectionReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.literal('inspect'),
  model: modelFacts,
  irVersion: z.int(),
  producer: z.string(),
  metadata: z.record(z.string(), z.string()),
  subgraphs: count,
  functions: z.array(z.string()).describe('operators that the model defines itself'),
  inputs: z.array(interfaceValue),
  outputs: z.array(interfaceValue),
  dynamicAxes: z.record(z.string(), z.array(z.string())).describe('name of an axis → input[axis] where it occurs'),
  operators: z
    .array(
      z.strictObject({
        operator: z.string(),
        nodes: count,
        weightBytes: count.describe('of the constants it takes, each counted once'),
        macs: z.number().describe('multiply-accumulates of one inference, where known'),
      }),
    )
    .describe('most weight bytes first'),
  macs: z.strictObject({
    total: z.number(),
    inputShapes: z.record(z.string(), z.array(z.int())).describe('for inputs of these shapes'),
    uncounted: count.describe(
      'nodes that multiply, but whose shapes are not known; those in subgraphs and functions too',
    ),
  }),
  largestTensors: z.array(
    z.strictObject({
      name: z.string(),
      dataType: z.string(),
      shape: z.array(z.int()),
      bytes: count,
      usedBy: z.array(z.string()).describe('operators'),
    }),
  ),
});

export type InspectionReport = z.infer<typeof inspectionReport>;
