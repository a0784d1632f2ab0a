// What compressing a model cost by its task: original and result on the same samples, and whether that is more than was allowed.

import { thresholdMissed, usageError } from './errors.js';
import { type EvaluateOptions, evaluate } from './evaluate.js';
import { dropOf, formatMaxDrop, parseMaxDrop, requireMetric } from './evaluation/index.js';
import type { Model } from './ir/index.js';
import type { CompressionEvaluation, EvaluationReport } from './report/index.js';
import { describeModel, formatDifference } from './report/index.js';

/** How a result is evaluated, of recipes and of the library. */
export interface EvaluationSettings
  extends Pick<
    EvaluateOptions,
    'data' | 'dataOptions' | 'evalCommand' | 'metrics' | 'outputName' | 'batch' | 'threads'
  > {
  /** The most that the first metric may get worse: a number in its units (percentage points), or like `2%` of the original's. */
  readonly maxDrop?: number | string;
}

export interface EvaluationContext extends Pick<EvaluateOptions, 'engine' | 'seed' | 'signal' | 'onProgress'> {
  /** Whether the result will be a file, which is what a program can evaluate. */
  readonly resultIsFile: boolean;
}

export interface ResultEvaluation {
  readonly evaluation: CompressionEvaluation;
  /** Milliseconds in the engine: of the original, and of the result. */
  readonly inference: readonly number[];
}

/** An evaluation that begins before the model is compressed. */
export interface PendingEvaluation {
  /** `result`: the model or its file; `path`: what the report calls it. Throws what `evaluate` throws; a missed limit is in the report. */
  finish(result: string | Model, path: string | null): Promise<ResultEvaluation>;
}

/**
 * Finds out before long work what would fail after it: data that is not there or does not fit, metrics that it has no answers for.
 * Throws USAGE, IO, MODEL_UNSUPPORTED.
 */
export async function beginEvaluation(
  original: Model,
  settings: EvaluationSettings,
  { onProgress, resultIsFile, ...context }: EvaluationContext,
): Promise<PendingEvaluation> {
  const { maxDrop, ...options } = settings;
  const limit = maxDrop === undefined ? null : parseMaxDrop(maxDrop);
  // A program is run on the original at once: if it fails, it fails early.
  const program = options.evalCommand !== undefined;
  if (program && !resultIsFile) {
    throw usageError('A program can evaluate model files only, and no file is written', 'Evaluate on data instead.');
  }
  if (!program) for (const metric of options.metrics ?? []) requireMetric(metric);
  const trial = program
    ? await evaluate([original], { ...options, ...context })
    : await evaluate([original, original], {
        ...options,
        ...context,
        dataOptions: { ...options.dataOptions, samples: 1 },
      });
  if (limit) {
    const [{ name, value }] =
      trial.models[0].metrics.length > 0 ? trial.models[0].metrics : trial.models.at(-1)!.metrics;
    dropOf(name, trial.models[0].metrics[0]?.value ?? null, value, limit);
  }
  return {
    async finish(result, path) {
      const report = program
        ? withProgramResult(trial, await evaluate([result], { ...options, ...context }))
        : await evaluate([original, result], { ...options, ...context, onProgress });
      const [before, after] = report.models;
      const metric = after.metrics[0];
      if (!metric) throw usageError('The evaluation gave no figure of the result');
      const { data, evalCommand, output, batch, threads } = report;
      return {
        evaluation: {
          data,
          evalCommand,
          output,
          batch,
          threads,
          // A model in memory may have been made from a file that is not what it is now.
          models: [
            before,
            { ...after, path, bytes: typeof result === 'string' ? after.bytes : describeModel(result, []).bytes },
          ],
          limit: limit && {
            metric: metric.name,
            maxDrop: formatMaxDrop(limit, metric.name),
            ...dropOf(metric.name, before.metrics[0]?.value ?? null, metric.value, limit),
          },
        },
        inference: report.timing.inference,
      };
    },
  };
}

/** The figures of two runs of a program; how sure their difference is, only the program could tell. */
function withProgramResult(original: EvaluationReport, result: EvaluationReport): EvaluationReport {
  const [before] = original.models;
  const [after] = result.models;
  const metrics = after.metrics.map((metric) => {
    const reference = before.metrics.find(({ name }) => name === metric.name)?.value ?? null;
    const value = metric.value === null || reference === null ? null : metric.value - reference;
    return {
      ...metric,
      difference: { value, interval: null, significant: false, pValue: null, gained: null, lost: null },
    };
  });
  return { ...original, models: [before, { ...after, metrics }] };
}

/** Throws THRESHOLD when the result is worse than was allowed. */
export function checkLimit({ limit, models }: CompressionEvaluation): void {
  if (!limit || limit.kept) return;
  const metric = models[1].metrics[0];
  const change = metric.value === null ? 'is not finite' : `changed by ${formatDifference(metric)}`;
  throw thresholdMissed(
    `${limit.metric} ${change}, more than --max-drop ${limit.maxDrop} allows; nothing was written`,
    'Exclude the nodes it comes from with --exclude, choose a gentler mode, or allow more.',
  );
}
