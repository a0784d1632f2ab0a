// The `transformers.js_config` of a config.json: which form is loaded by default, and which model files have data files beside them. As
// transformers.js reads it (3.5 to 4.2: models/session.js, utils/model-loader.js), a form may be given for each model of the folder, data files are
// `<model>.onnx_data`, `_data_1` and so on, and their number is one for all, or by the name of a file or of a model in all its forms.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ioError, usageError } from '../errors.js';

/** The config.json of a model: beside the folder of its forms, or of the model itself; null where there is none. */
export function findConfig(output: string, input: string): string | null {
  const folders = [dirname(resolve(output)), dirname(resolve(input))];
  return folders.map((folder) => join(folder, 'config.json')).find((path) => existsSync(path)) ?? null;
}

export interface BundleConfig {
  /** Holds the forms of the model called `stem`, and maybe of others. */
  readonly folder: string;
  readonly stem: string;
  /** That is loaded where the caller of transformers.js asks for none. */
  readonly dtype: string;
  /** Names of all forms that the model may have. */
  readonly fileNames: readonly string[];
}

/** Sets `dtype` and `use_external_data_format`; the rest of the file stays. */
export function updateConfig(path: string, bundle: BundleConfig): void {
  try {
    const { 'transformers.js_config': known, ...others } = objectOf(JSON.parse(readFileSync(path, 'utf8')), path);
    const { use_external_data_format: external, dtype: given, device_config, ...kept } = isObject(known) ? known : {};
    const names = readdirSync(bundle.folder).sort();
    const dataFiles = dataFilesOf(names, external);
    // One word is for all models of the folder: with several of them, each gets its own.
    const isOther = (name: string): boolean => name.endsWith('.onnx') && !bundle.fileNames.includes(name);
    const several = isObject(given) || names.some(isOther);
    const settings = {
      ...kept,
      ...(device_config !== undefined && { device_config: withoutDataFiles(device_config) }),
      dtype: several ? { ...(isObject(given) ? given : {}), [bundle.stem]: bundle.dtype } : bundle.dtype,
      ...(Object.keys(dataFiles).length > 0 && { use_external_data_format: dataFiles }),
    };
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

/**
 * How many data files each model file has. Files that are not there keep what was said of them; one without data files is told only where what is
 * said of its model in all forms would else count for it.
 */
function dataFilesOf(names: readonly string[], known: unknown): Readonly<Record<string, unknown>> {
  const counts: Record<string, unknown> = isObject(known) ? { ...known } : {};
  const ofModels = Object.keys(counts).filter((name) => !name.endsWith('.onnx') && Number(counts[name]) > 0);
  for (const name of names.filter((name) => name.endsWith('.onnx'))) {
    const count = names.filter(
      (file) => file.startsWith(name) && /^_data(_\d+)?$/.test(file.slice(name.length)),
    ).length;
    delete counts[name];
    if (count > 0 || ofModels.some((model) => name.startsWith(model))) counts[name] = count;
  }
  return counts;
}

/** What a device says of data files would count more than what all are told. */
function withoutDataFiles(devices: unknown): unknown {
  if (!isObject(devices)) return devices;
  const kept = Object.entries(devices).map(([device, settings]) => {
    if (!isObject(settings)) return [device, settings];
    const { use_external_data_format: _outdated, ...rest } = settings;
    return [device, rest];
  });
  return Object.fromEntries(kept);
}

function objectOf(value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw usageError(`${path} holds no object`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
