// One calibration cache for all attempts of a search: what they have in common, such as rounded convolutions, is found once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { weightBytes } from '../analysis/index.js';
import type { Model } from '../ir/index.js';
import type { LimitedMode } from './quantize-within.js';
import type { WriteOptions } from './write-options.js';

/** Hashing larger models, at every observation, takes longer than it saves. */
const mostBytes = 512 << 20;

/** Runs `work` with a cache that lasts as long, unless the options name one. */
export async function sharingCalibration<Result>(
  mode: LimitedMode,
  model: Model,
  options: WriteOptions,
  work: (options: WriteOptions) => Promise<Result>,
): Promise<Result> {
  if (mode !== 'static' || options.calibrationCache !== undefined || weightBytes(model) > mostBytes)
    return work(options);
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-calibration-'));
  try {
    return await work({ ...options, calibrationCache: join(folder, 'cache') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
