// The part of a recipe that says what to calibrate with: data and how to read it.
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { CalibrationSettings } from '../calibration/index.js';
import { dataOptions, locateDataOptions } from '../data/index.js';

export const recipeCalibration = z.strictObject({
  data: z
    .string()
    .describe(
      'folder of images or wav files, .npz, .jsonl, .tsv, .csv, .txt, or a module; 256 samples of it unless samples says otherwise',
    ),
  ...dataOptions.shape,
});

/** Relative paths start at `folder`. */
export function parseCalibration(
  { data, ...rest }: z.output<typeof recipeCalibration>,
  folder: string,
): CalibrationSettings {
  return { data: isAbsolute(data) ? data : join(folder, data), dataOptions: locateDataOptions(rest, folder) };
}
