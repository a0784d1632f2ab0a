// What `dsopt bench --json` prints.
import { z } from 'zod';
import { measuredEngines } from '../../measure/index.js';
import { latency } from './compression-report.js';
import { environment } from './environment-facts.js';
import { schemaName } from './schema-name.js';

const count = z.int().min(0);

export const benchmarkReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.literal('bench'),
  batch: count,
  runs: count,
  warmup: count,
  threads: count,
  engine: z.enum(measuredEngines).describe('what ran the models'),
  seed: z.int(),
  environment,
  models: z.array(
    z.strictObject({
      path: z.string(),
      bytes: count.describe('of the model file and its data files'),
      inputs: z.record(z.string(), z.array(z.int())).describe('shapes of what was fed'),
      latency: latency.describe('milliseconds of one inference'),
      quantiles: z.array(z.number()).describe('of the same: 0 %, 5 %, … 100 %'),
      throughput: z.number().describe('samples per second'),
      sessionCreate: z.number().describe('milliseconds from the file to a session'),
      loadedMemory: count.describe('bytes its process had resident once the session was there, Node.js included'),
      peakMemory: count.describe('bytes its process had resident at most, Node.js included'),
      ratio: z
        .strictObject({ median: z.number(), lower: z.number(), upper: z.number() })
        .describe('latency relative to the first model, with quartiles over the rounds'),
    }),
  ),
});

export type BenchmarkReport = z.infer<typeof benchmarkReport>;
