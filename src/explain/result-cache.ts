// Finished measurements in a file, so that interrupted work goes on where it was. What a measurement depends on (bytes of the model,
// samples, options, versions) is hashed into its key.
import { createHash, type Hash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Dataset } from '../data/index.js';
import { ioError } from '../errors.js';
import { formatModel, type Model } from '../ir/index.js';
import { constantsOf } from '../report/index.js';
import type { Tensor } from '../tensor/index.js';

/** Measurements by what was measured, under one key. */
export class ResultCache<Result> {
  private readonly path: string;
  private readonly key: string;
  private readonly results: Map<string, Result>;

  /** What the file holds under another key, or a file that is none of ours, is forgotten. */
  constructor(path: string, key: string) {
    this.path = path;
    this.key = key;
    this.results = readResults(path, key);
  }

  get(name: string): Result | undefined {
    return this.results.get(name);
  }

  /** Keeps the results, in the file too. Throws IO when it cannot be written. */
  add(results: ReadonlyMap<string, Result>): void {
    for (const [name, result] of results) this.results.set(name, result);
    const text = JSON.stringify({ key: this.key, results: Object.fromEntries(this.results) });
    try {
      writeFileSync(`${this.path}.new`, text);
      renameSync(`${this.path}.new`, this.path);
    } catch (cause) {
      throw ioError('write', this.path, cause);
    }
  }
}

function readResults<Result>(path: string, key: string): Map<string, Result> {
  if (!existsSync(path)) return new Map();
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as { key?: string; results?: Record<string, Result> };
    return new Map(content.key === key ? Object.entries(content.results ?? {}) : []);
  } catch {
    return new Map();
  }
}

/** Hash of a model, weights included, of the samples of a data set, and of `rest`. Reads all of them once. */
export async function contentKey(model: Model, dataset: Dataset, rest: unknown): Promise<string> {
  const hash = createHash('sha256');
  hash.update(formatModel(model));
  for (const tensor of constantsOf(model)) addTensor(hash, tensor);
  for await (const { feeds, targets, count } of dataset.samples()) {
    for (const [name, tensor] of Object.entries(feeds)) {
      hash.update(name);
      addTensor(hash, tensor);
    }
    hash.update(JSON.stringify([count, targets?.kind]));
    if (targets?.kind === 'classes') hash.update(targets.values);
    if (targets?.kind === 'tensors') for (const tensor of Object.values(targets.tensors)) addTensor(hash, tensor);
  }
  return hash.update(JSON.stringify(rest)).digest('hex');
}

function addTensor(hash: Hash, tensor: Tensor): void {
  hash.update(`${tensor.dataType}[${tensor.shape}]`);
  for (const piece of tensor.chunks()) hash.update(piece);
}
