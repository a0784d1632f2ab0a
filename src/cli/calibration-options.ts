// The options that give passes real inputs to calibrate with.
import type { Command } from 'commander';
import type { CompressFileOptions } from '../index.js';

export interface CalibrationOptions {
  readonly calibrationData?: string;
  readonly calibrationCache?: string | boolean;
}

/** How the data is read is said by the options that describe data, which are declared with those of the evaluation. */
export function addCalibrationOptions(command: Command): void {
  command.option(
    '--calibration-data <path>',
    'real inputs for what is chosen by measuring: a folder of images or wav files, .npz, .tsv, .txt, … (256 samples of it, or --samples)',
  );
  command.option(
    '--calibration-cache [file]',
    'keep what calibration found, for another run with other options (default file: .calibration beside the output)',
  );
}

/** The file of the cache; undefined where none is wanted. */
export function calibrationCacheOf({ calibrationCache }: CalibrationOptions, output: string): string | undefined {
  return typeof calibrationCache === 'string'
    ? calibrationCache
    : calibrationCache
      ? `${output}.calibration`
      : undefined;
}

/** What the command line says, and else the recipe, with the data options of the command line before those of the recipe. */
export async function calibrationOf(
  options: CalibrationOptions,
  recipe: CompressFileOptions['calibration'],
): Promise<CompressFileOptions['calibration']> {
  const { pickDataOptions } = await import('./data-flags.js');
  const given = pickDataOptions({ ...options });
  if (options.calibrationData !== undefined) return { data: options.calibrationData, dataOptions: given };
  return recipe ? { ...recipe, dataOptions: { ...recipe.dataOptions, ...given } } : null;
}
