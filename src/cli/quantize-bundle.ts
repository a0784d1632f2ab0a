// `dsopt quantize --dtypes`: several forms of one model in a folder, each verified, with the names that transformers.js loads, and its
// config.json told about them.
import { basename, extname, join } from 'node:path';
import { usageError } from '../errors.js';
import type { CompressionReport, Model, Pass } from '../index.js';
import type { BundleDtype } from '../recipe/index.js';
import type { CommandContext } from './command-module.js';
import { compressQuietly, tellResult } from './run-compression.js';
import { findConfig, updateConfig } from './transformers-config.js';
import type { WriteOptions } from './write-options.js';

export interface Bundle {
  readonly model: Model;
  /** Path of the model. */
  readonly input: string;
  /** Folder. */
  readonly output: string;
  readonly dtypes: readonly BundleDtype[];
  readonly passes: readonly Pass[];
}

/** Browsers hold no larger pieces. */
const shardSize = 2_000_000_000;

export async function quantizeBundle(bundle: Bundle, options: WriteOptions, context: CommandContext): Promise<void> {
  const { model, input, output, dtypes, passes } = bundle;
  if (extname(output) === '.onnx') throw usageError('--dtypes writes into a folder', 'Give --output onnx/.');
  const { bundleDtypes, bundleFileName, bundleSteps, resolveRecipe } = await import('../recipe/index.js');
  const stem = basename(input, extname(input));
  const reports: Partial<Record<BundleDtype, CompressionReport>> = {};
  for (const dtype of dtypes) {
    const recipe = await resolveRecipe({ version: 1, steps: bundleSteps(passes, dtype) }, { passes, folder: '.' });
    const path = join(output, bundleFileName(stem, dtype));
    context.output.log(`--dtypes ${dtype}`);
    const compression = { command: 'quantize', input: model, output: path, recipe, dataSuffix: '_data' } as const;
    const report = options.report?.map((name) => reportName(name, dtype));
    reports[dtype] = await compressQuietly(compression, { shardSize, ...options, report }, context);
    if (!context.output.json) await tellResult(reports[dtype], context);
  }
  const config = options.dryRun ? null : findConfig(output, input);
  if (config) {
    const fileNames = bundleDtypes.map((dtype) => bundleFileName(stem, dtype));
    updateConfig(config, { folder: output, stem, dtype: dtypes[0], fileNames });
    context.output.log(`updated ${config}`);
  }
  if (context.output.json) context.output.printJson({ schema: 'dsopt.bundle/1', reports, config });
}

/** `report.html` → `report.q4.html`. */
function reportName(path: string, dtype: BundleDtype): string {
  const extension = extname(path);
  return `${path.slice(0, -extension.length)}.${dtype}${extension}`;
}
