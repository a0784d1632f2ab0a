// What reports say of the machine and the versions a run happened with.
import { z } from 'zod';

export const environment = z.strictObject({
  dsopt: z.string(),
  node: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.int().min(0),
  onnxruntime: z.string().nullable(),
});

export type Environment = z.infer<typeof environment>;
