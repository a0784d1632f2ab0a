// Data files that a model leaves behind when another one takes its place.
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Model } from '../ir/index.js';
import { FileTensor } from '../tensor/index.js';
import { loadModel } from './load.js';

/**
 * Paths of the files beside the model at `path` in which it keeps weights and that carry its name (`model.onnx.data`, `model.onnx_data_1`):
 * nobody else's. Others, and all files of what is no model, are left alone.
 */
export async function dataFilesOfItsName(path: string): Promise<string[]> {
  const name = basename(path);
  const folder = dirname(path);
  const candidates = new Set(
    readdirSync(folder)
      .filter((entry) => /^[._]data(_\d+)?$/.test(entry.slice(name.length)) && entry.startsWith(name))
      .map((entry) => join(folder, entry)),
  );
  if (candidates.size === 0) return [];
  try {
    return [...filesRead(await loadModel(path))].filter((file) => candidates.has(file));
  } catch {
    return [];
  }
}

function filesRead(model: Model): Set<string> {
  const files = new Set<string>();
  for (const graph of model.allGraphs()) {
    for (const { constant } of graph.initializers) if (constant instanceof FileTensor) files.add(constant.source.path);
  }
  return files;
}
