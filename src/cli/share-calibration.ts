// One calibration cache for all attempts of a search: what they have in common, such as rounded convolutions, is found once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { weightBytes } from '../analysis/index.js';
import type { Model } from '../ir/index.js';
import type { LimitedMode } from '../quantize-within/index.js';
import type { WriteOptions } from './write-options.js';

/** Hashing larger models, at every observation, takes longer than it saves. */
const mostBytes = 512 << 20;

/** Static quantization of models that are not too large: as `withCalibrationCache`. */
export function sharingCalibration<Result>(
  mode: LimitedMode,
  model: Model,
  options: WriteOptions,
  work: (options: WriteOptions) => Promise<Result>,
): Promise<Result> {
  if (mode !== 'static' || weightBytes(model) > mostBytes) return work(options);
  return withCalibrationCache(options, work);
}

/** Runs `work` with a cache that lasts as long, unless the options name one. */
export async function withCalibrationCache<Result>(
  options: WriteOptions,
  work: (options: WriteOptions) => Promise<Result>,
): Promise<Result> {
  if (options.calibrationCache !== undefined) return work(options);
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-calibration-'));
  try {
    return await work({ ...options, calibrationCache: join(folder, 'cache') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
