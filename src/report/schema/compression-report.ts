// The report of a run that compressed a model, `"schema": "dsopt.report/1"`. Everything that two identical runs do not share is
// in `timing`.
import { z } from 'zod';
import { environment } from './environment-facts.js';
import { compressionEvaluation } from './evaluation-report.js';
import { nodeComparison, weightGroups } from './node-comparison.js';
import { schemaName } from './schema-name.js';
import { targets } from './target.js';

const count = z.int().min(0);

export const modelFacts = z.strictObject({
  path: z.string().nullable().describe('null for a model that is in memory only'),
  files: z
    .array(z.strictObject({ path: z.string(), bytes: count }))
    .describe('the model file first, then its data files'),
  bytes: count.describe('of all files; of the encoded model where there are none'),
  weightBytes: z.record(z.string(), count).describe('bytes of constant tensors by data type'),
  nodes: count,
  operators: z.record(z.string(), count).describe('nodes by operator'),
  opsets: z.record(z.string(), z.int()).describe("operator set version by domain; '' is ONNX's own"),
});

export const passFacts = z.strictObject({
  pass: z.string(),
  options: z.record(z.string(), z.unknown()),
  edited: z.boolean(),
  changed: z.array(z.strictObject({ target: z.string(), what: z.string() })),
  skipped: z.array(z.strictObject({ target: z.string(), reason: z.string() })),
  metrics: z.record(z.string(), z.number()),
  warnings: z.array(z.string()),
  techniques: z
    .array(
      z.strictObject({
        technique: z.string(),
        measure: z.string().describe('what the errors are of'),
        kept: z.boolean(),
        targets: z.array(z.string()).describe('where it was kept, or was not'),
        before: z.number().nullable().describe('mean error without it, on samples held out; null: not finite'),
        after: z.number().nullable().describe('mean error with it'),
      }),
    )
    .optional()
    .describe('techniques that were tried on samples that they were not fitted to'),
  curves: z
    .record(z.string(), z.array(z.tuple([z.number(), z.number()])))
    .optional()
    .describe('figures over steps, by name: [step, value]'),
  table: z
    .strictObject({ columns: z.array(z.string()), rows: z.array(z.array(z.string())) })
    .optional()
    .describe('what was considered, such as channel groups'),
});

export const outputFidelity = z.strictObject({
  name: z.string(),
  identical: z.boolean().describe('every bit is the same'),
  cosine: z.number().nullable().describe('over the elements of all samples; null where it is undefined'),
  sqnr: z.number().nullable().describe('signal to noise in dB; null where it is infinite (identical) or undefined'),
  maxAbsError: z.number().nullable().describe('null where it is undefined'),
  nonFinite: count.describe('elements that became NaN, or infinite where they were finite'),
  differentShapes: count.describe('samples for which the shapes differ; they are not compared'),
});

export const fidelity = z.strictObject({
  inputs: z.enum(['synthetic', 'given']).describe('seeded synthetic inputs, or samples of the caller'),
  samples: count,
  method: z.enum(['whole', 'slices']).describe('both models run whole, or cut into slices that fit into memory'),
  slices: count,
  outputs: z.array(outputFidelity),
  worst: outputFidelity.nullable().describe('the least faithful value compared: an output, or one where slices meet'),
  decoding: z
    .strictObject({
      atLoad: count.describe('operators that onnxruntime computes once, when it loads the result'),
      inRuns: z.array(z.string()).describe('those that it computes in every run all the same'),
    })
    .optional()
    .describe('missing where nothing is left to compute at load, and where models were cut into slices'),
});

export const latency = z.strictObject({
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  mean: z.number(),
});

const measurement = latency.extend({
  throughput: z.number().describe('samples per second'),
  sessionCreate: z.number().describe('milliseconds from the file to a session'),
  loadedMemory: count.describe('bytes its process had resident once the session was there, Node.js included'),
  peakMemory: count.describe('bytes its process had resident at most, Node.js included'),
  quantiles: z.array(z.number()).describe('of the milliseconds of one inference: 0 %, 5 %, … 100 %'),
});

const speed = z.strictObject({
  input: measurement,
  output: measurement,
  ratio: z
    .strictObject({ median: z.number(), lower: z.number(), upper: z.number() })
    .describe('latency of the output relative to the input, with quartiles over the rounds'),
  runs: count.describe('inferences measured of each, in turns'),
  threads: count,
  inputs: z.record(z.string(), z.array(z.int())).describe('shapes of what was fed'),
});

const transferSize = z.strictObject({
  gzip: count.describe('level 6'),
  brotli: count.describe('quality 6'),
  zstd: count.nullable().describe('level 3; null where this Node.js has no Zstandard'),
});

export const compressionReport = z.strictObject({
  schema: z.literal(schemaName),
  command: z.enum(['quantize', 'prune', 'decompose', 'distill', 'heal', 'run', 'compress']),
  seed: z.int(),
  input: modelFacts,
  output: modelFacts.nullable().describe('null where the run wrote nothing and no size is known'),
  written: z.boolean(),
  target: z.enum(targets).describe('the runtime that the result was verified and measured with'),
  passes: z.array(passFacts),
  calibration: z.string().nullable().describe('what passes calibrated with; null where no samples were given'),
  fidelity: fidelity.nullable().describe('null where the result was not verified'),
  evaluation: compressionEvaluation.nullable().describe('null where no data or program was given'),
  weights: weightGroups.nullable().describe('bytes by parts of the model; null where no details were asked for'),
  nodes: nodeComparison.nullable().describe('null where no details were asked for, or values in between cannot be had'),
  transfer: z
    .strictObject({ input: transferSize, output: transferSize })
    .nullable()
    .describe('bytes of the files when compressed; null without details or zeros to tell of, or above 256 MB'),
  warnings: z.array(z.string()),
  environment,
  timing: z.strictObject({
    started: z.iso.datetime(),
    milliseconds: z.number(),
    phases: z.array(z.strictObject({ phase: z.string(), milliseconds: z.number() })),
    peakMemory: count.describe('bytes this process had resident at most'),
    latency: speed.nullable().describe('milliseconds of one inference of the input and of the output'),
    inference: z.array(z.number()).describe('milliseconds in the engine of the evaluation: of input and output'),
    notMeasured: z.string().nullable().describe('why latency is null'),
  }),
});

export type ModelFacts = z.infer<typeof modelFacts>;
export type PassFacts = z.infer<typeof passFacts>;
export type Fidelity = z.infer<typeof fidelity>;
export type Transfer = NonNullable<CompressionReport['transfer']>;
export type Speed = z.infer<typeof speed>;
export type CompressionReport = z.infer<typeof compressionReport>;
