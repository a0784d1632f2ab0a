// What `dsopt doctor --json` prints.
import { z } from 'zod';
import { environment } from './environment-facts.js';
import { schemaName } from './schema-name.js';

const count = z.int().min(0);

export const doctorReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.literal('doctor'),
  environment,
  cpuFeatures: z
    .array(z.string())
    .nullable()
    .describe('those that matter to inference; null where the system does not tell'),
  memory: z.strictObject({ total: count, available: count }),
  components: z.array(
    z.strictObject({
      name: z.string(),
      purpose: z.string(),
      version: z.string().nullable().describe('null when it is not installed'),
      works: z.boolean().nullable().describe('null where that was not tried'),
      gigaflops: z
        .number()
        .nullable()
        .describe('of a product of two matrices, 10^9 operations a second; null where it was not run'),
      note: z.string().describe('why it does not work, or how to install it'),
    }),
  ),
});

export type DoctorReport = z.infer<typeof doctorReport>;
