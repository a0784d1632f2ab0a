// `dsopt quantize --dtypes`: several forms of one model in a folder, each verified, with the names that transformers.js loads, and its
// config.json told about them.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { ioError, usageError } from '../errors.js';
import type { Model, Pass } from '../index.js';
import type { BundleDtype } from '../recipe/index.js';
import type { CommandContext } from './command-module.js';
import { runCompression } from './run-compression.js';
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
  if (options.json)
    throw usageError('--dtypes makes several reports', 'Leave --json out; --report is for one model too.');
  const { bundleFileName, bundleSteps, resolveRecipe } = await import('../recipe/index.js');
  const stem = basename(input, extname(input));
  for (const dtype of dtypes) {
    const recipe = await resolveRecipe({ version: 1, steps: bundleSteps(passes, dtype) }, { passes, folder: '.' });
    const path = join(output, bundleFileName(stem, dtype));
    context.output.log(`--dtypes ${dtype}`);
    const compression = { command: 'quantize', input: model, output: path, recipe, dataSuffix: '_data' } as const;
    await runCompression(compression, { shardSize, ...options }, context);
  }
  if (options.dryRun) return;
  const config = [dirname(resolve(output)), dirname(resolve(input))]
    .map((folder) => join(folder, 'config.json'))
    .find((path) => existsSync(path));
  if (!config) return;
  updateConfig(config, output, dtypes[0]);
  context.output.log(`updated ${config}`);
}

/** Sets dtype and use_external_data_format of transformers.js_config; the rest of the file stays. */
function updateConfig(path: string, folder: string, dtype: BundleDtype): void {
  try {
    const config: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof config !== 'object' || config === null || Array.isArray(config))
      throw usageError(`${path} holds no object`);
    const { 'transformers.js_config': known, ...others } = config as Record<string, unknown>;
    // How many data files each model file has, by its name.
    const pieces: Record<string, number> = {};
    for (const name of readdirSync(folder).sort()) {
      const model = /^(.*\.onnx)_data(_\d+)?$/.exec(name)?.[1];
      if (model) pieces[model] = (pieces[model] ?? 0) + 1;
    }
    const given = typeof known === 'object' && known !== null ? (known as Record<string, unknown>) : {};
    const { use_external_data_format: _outdated, ...kept } = given;
    const settings = { ...kept, dtype, ...(Object.keys(pieces).length > 0 && { use_external_data_format: pieces }) };
    const written = `${path}.dsopt-${process.pid}`;
    try {
      writeFileSync(written, `${JSON.stringify({ ...others, 'transformers.js_config': settings }, null, 2)}\n`);
      renameSync(written, path);
    } finally {
      rmSync(written, { force: true });
    }
  } catch (cause) {
    if (cause instanceof SyntaxError) throw usageError(`${path} is no JSON`, cause.message);
    throw cause instanceof Error && 'code' in cause && 'syscall' in cause ? ioError('update', path, cause) : cause;
  }
}
