// Runs a recipe on a model file for a command, with progress, reports and the last line.
import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { ioError } from '../errors.js';
import type { CompressionReport, Model, ResolvedRecipe } from '../index.js';
import { calibrationCacheOf, calibrationOf } from './calibration-options.js';
import type { CommandContext } from './command-module.js';
import { evaluationOf } from './evaluation-options.js';
import { createProgress } from './progress.js';
import type { WriteOptions } from './write-options.js';

export interface Compression {
  readonly command: CompressionReport['command'];
  /** A path, or the model loaded from it. */
  readonly input: string | Model;
  readonly output: string;
  readonly recipe: ResolvedRecipe;
  /** For the report; they were told before. */
  readonly warnings?: readonly string[];
  /** What names of data files add to the model's. */
  readonly dataSuffix?: string;
  /** See `CompressFileOptions`. */
  readonly keepMissed?: boolean;
  /** Called with the report, also when a missed limit is the error that follows. */
  readonly onReport?: (report: CompressionReport) => void;
  /** Ends training with the best weights so far. */
  readonly finish?: AbortSignal;
}

export async function runCompression(
  compression: Compression,
  options: WriteOptions,
  context: CommandContext,
): Promise<CompressionReport> {
  const report = await compressQuietly(compression, options, context);
  await tellResult(report, context);
  return report;
}

/** `runCompression` without the last line: for commands that try several times. */
export async function compressQuietly(
  { command, input, output: path, recipe, warnings, dataSuffix, finish, keepMissed, onReport }: Compression,
  options: WriteOptions,
  { io, output, signal }: CommandContext,
): Promise<CompressionReport> {
  const { compressFile } = await import('../index.js');
  const { createWorkers } = await import('../parallel/index.js');
  const evaluation = await evaluationOf(options, recipe.evaluation ?? null);
  const calibration = await calibrationOf(options, recipe.calibration ?? null);
  const progress = await createProgress(io, output);
  const workers = createWorkers(options.jobs);
  let report: CompressionReport;
  let reports: Promise<void> | null = null;
  try {
    report = await compressFile(input, path, {
      ...fileOptions(options),
      evaluation,
      calibration,
      calibrationCache: calibrationCacheOf(options, path),
      details: (options.report ?? []).length > 0,
      command,
      recipe,
      warnings,
      dataSuffix,
      workers,
      signal,
      finish,
      keepMissed,
      onPhase: ({ name, index, count }) => progress.step(name, index, count),
      onSample: progress.within,
      onReport: (made) => {
        onReport?.(made);
        reports = writeReports(made, options.report ?? []);
      },
    });
  } finally {
    progress.stop();
    await workers.close();
    await reports;
  }
  return report;
}

/** The report as JSON, or what happened and the last line. */
export async function tellResult(report: CompressionReport, { output }: CommandContext): Promise<void> {
  if (output.json) {
    output.printJson(report);
    return;
  }
  const { renderDetails, summaryLine } = await import('../report/index.js');
  output.log(...renderDetails(report, output.logStyle));
  output.print(output.style.bold(summaryLine(report)));
}

/** By name: what a command has besides is not for `compressFile`. */
function fileOptions({
  overwrite,
  target,
  verify,
  measure,
  externalData,
  shardSize,
  inputShape: inputShapes,
  seed,
  maxMemory,
  dryRun,
  resume,
}: WriteOptions) {
  return {
    overwrite,
    target: target.startsWith('web') ? ('web' as const) : ('cpu' as const),
    runtime: target,
    verify,
    measure,
    externalData,
    shardSize,
    inputShapes,
    seed,
    maxMemory,
    dryRun,
    resume,
  };
}

async function writeReports(report: CompressionReport, paths: readonly string[]): Promise<void> {
  const { renderReport } = await import('../report/index.js');
  for (const path of paths) {
    const text = await renderReport(report, extname(path) as '.json' | '.md' | '.html');
    try {
      writeFileSync(path, text);
    } catch (cause) {
      throw ioError('write', path, cause);
    }
  }
}
