// Paths among the options of training: in a recipe they start where the recipe lies.
import { isAbsolute, join } from 'node:path';
import { locateDataOptions } from '../data/index.js';
import type { TrainingOptions } from './options.js';

const paths: ReadonlySet<string> = new Set<keyof TrainingOptions>([
  'teacher',
  'data',
  'replay',
  'teacherCache',
  'checkpoint',
  'log',
]);

export function locateTrainingOptions<Options extends TrainingOptions>(options: Options, folder: string): Options {
  const located = Object.entries(locateDataOptions(options, folder)).map(([name, value]) => [
    name,
    paths.has(name) && typeof value === 'string' ? locatePath(value, folder) : value,
  ]);
  return Object.fromEntries(located) as Options;
}

export function locatePath(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
