// How far an evaluation is, in a file beside the last model. Its key is made of everything the figures depend on: the content of
// models and data, options and versions; a file with another key is forgotten.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { pathOptions } from './data/index.js';
import { ioError, usageError } from './errors.js';
import type { Checkpoint, EvaluateOptions, EvaluationState } from './evaluation/index.js';
import type { Model } from './ir/index.js';
import { loadModel } from './onnx/index.js';
import { describeEnvironment, describeModel } from './report/index.js';

type Options = Pick<EvaluateOptions, 'data' | 'dataOptions' | 'outputName' | 'batch' | 'threads' | 'seed'>;

export class CheckpointFile {
  readonly path: string;
  private readonly models: readonly (string | Model)[];
  private readonly options: Options;

  /** Throws USAGE when the last model has no file. */
  constructor(models: readonly (string | Model)[], options: Options) {
    const last = models[models.length - 1];
    const path = typeof last === 'string' ? last : last.path;
    if (path === null) throw usageError('Only the evaluation of model files can be resumed');
    this.path = join(dirname(path), `.${basename(path)}.eval-checkpoint`);
    this.models = models;
    this.options = options;
  }

  async open(facts: object): Promise<Checkpoint> {
    const key = await this.key(facts);
    return {
      read: () => readState(this.path, key),
      write: (state) => {
        try {
          writeFileSync(`${this.path}.new`, serialize({ key, state }));
          renameSync(`${this.path}.new`, this.path);
        } catch (cause) {
          throw ioError('write', this.path, cause);
        }
      },
    };
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  private async key(facts: object): Promise<string> {
    const { data, dataOptions = {}, outputName, batch, threads, seed } = this.options;
    const { dsopt, onnxruntime } = describeEnvironment();
    const hash = createHash('sha256');
    hash.update(JSON.stringify([facts, dataOptions, outputName, batch, threads, seed, dsopt, onnxruntime]));
    for (const model of this.models) {
      const { files } = describeModel(typeof model === 'string' ? await loadModel(model) : model);
      for (const { path } of files) await addFile(hash, path);
    }
    for (const [name, value] of Object.entries(dataOptions)) {
      if (pathOptions.has(name) && typeof value === 'string') await addFile(hash, value);
    }
    if (statSync(data).isFile()) await addFile(hash, data);
    else addFolder(hash, data);
    return hash.digest('hex');
  }
}

function readState(path: string, key: string): EvaluationState | null {
  try {
    const content = deserialize(readFileSync(path)) as { readonly key?: string; readonly state?: EvaluationState };
    return content.key === key ? (content.state ?? null) : null;
  } catch {
    // Not there, or none of ours.
    return null;
  }
}

async function addFile(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
}

/** Names, sizes and times of its files: reading all of them would take as long as evaluating. */
function addFolder(hash: Hash, folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const { size, mtimeMs } = statSync(join(folder, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
}
