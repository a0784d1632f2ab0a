// An error as a report: what `--json` prints when a command fails.
import { z } from 'zod';
import { schemaName } from './schema-name.js';

export const errorReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.string().nullable(),
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
    exitCode: z.int(),
  }),
});

export type ErrorReport = z.infer<typeof errorReport>;
