// The `transformers.js_config` of a config.json: which form is loaded by default, and which model files have data files beside them. As in
// transformers.js, a form may be given for each model of the folder, and data files are `<model>.onnx_data`, `_data_1` and so on, told by
// their number.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ioError, usageError } from '../errors.js';

/** The config.json of a model: beside the folder of its forms, or of the model itself; null where there is none. */
export function findConfig(output: string, input: string): string | null {
  const folders = [dirname(resolve(output)), dirname(resolve(input))];
  return folders.map((folder) => join(folder, 'config.json')).find((path) => existsSync(path)) ?? null;
}

/**
 * Sets `dtype` and `use_external_data_format`; the rest of the file stays.
 * @param folder with the forms of the model called `stem`, and maybe of others.
 * @param dtype that is loaded where the caller of transformers.js asks for none.
 */
export function updateConfig(path: string, folder: string, stem: string, dtype: string): void {
  try {
    const { 'transformers.js_config': known, ...others } = objectOf(JSON.parse(readFileSync(path, 'utf8')), path);
    const { use_external_data_format: _outdated, dtype: given, ...kept } = isObject(known) ? known : {};
    const names = readdirSync(folder).sort();
    const pieces: Record<string, number> = {};
    for (const name of names) {
      const model = /^(.*\.onnx)_data(_\d+)?$/.exec(name)?.[1];
      if (model) pieces[model] = (pieces[model] ?? 0) + 1;
    }
    // One word is for all models of the folder: with several of them, each gets its own.
    const several = isObject(given) || names.some((name) => name.endsWith('.onnx') && !belongsTo(name, stem));
    const settings = {
      ...kept,
      dtype: several ? { ...(isObject(given) ? given : {}), [stem]: dtype } : dtype,
      ...(Object.keys(pieces).length > 0 && { use_external_data_format: pieces }),
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

/** `model_q4.onnx` is a form of `model`, and `model_merged.onnx` may be one of its own. */
function belongsTo(name: string, stem: string): boolean {
  return (
    name === `${stem}.onnx` ||
    (name.startsWith(stem) && /^_(fp16|q8|quantized|int8|uint8|q4|q4f16|bnb4)\.onnx$/.test(name.slice(stem.length)))
  );
}

function objectOf(value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw usageError(`${path} holds no object`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
