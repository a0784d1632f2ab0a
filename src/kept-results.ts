// Results of long tasks, kept in a folder beside the output until that is in its place: a run that was killed goes on from there. Keys are
// hashes of all that a task is given, contents of tensors in files included, so that what is found is what would be computed.
import { createHash, type Hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { internalError, ioError } from './errors.js';
import type { Task, Workers } from './parallel/index.js';
import { describeEnvironment } from './report/index.js';
import { restoreTensor, type TensorDescription } from './tensor/index.js';

export class KeptResults {
  readonly folder: string;

  /** @param output the file that the run writes. */
  constructor(output: string) {
    this.folder = join(dirname(resolve(output)), `.${basename(output)}.resume`);
  }

  /** `workers`, with results of tasks that ask for it (`Task.keep`) taken from the folder or kept there. Throws IO. */
  keeping(workers: Workers): Workers {
    return {
      jobs: workers.jobs,
      start: () => workers.start(),
      close: () => workers.close(),
      run: async <Input, Output>(task: Task<Input, Output>, input: Input, signal?: AbortSignal): Promise<Output> => {
        if (!task.keep) return workers.run(task, input, signal);
        const path = join(this.folder, await keyOf(task.exportName, input));
        const known = read<Output>(path);
        if (known) return known.result;
        const result = await workers.run(task, input, signal);
        this.write(path, result);
        return result;
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private write(path: string, result: unknown): void {
    try {
      mkdirSync(this.folder, { recursive: true });
      writeFileSync(`${path}.new`, serialize({ result }));
      renameSync(`${path}.new`, path);
    } catch (cause) {
      throw ioError('write', path, cause);
    }
  }
}

function read<Result>(path: string): { readonly result: Result } | null {
  try {
    const content: unknown = deserialize(readFileSync(path));
    return typeof content === 'object' && content !== null && 'result' in content
      ? (content as { readonly result: Result })
      : null;
  } catch {
    // Not there, or none of ours.
    return null;
  }
}

async function keyOf(task: string, input: unknown): Promise<string> {
  const hash = createHash('sha256');
  const { dsopt } = describeEnvironment();
  await add(hash, [task, dsopt, input]);
  return hash.digest('hex');
}

/** Adds a plain value: what it consists of, in the order of its keys, each part with its kind and length. */
async function add(hash: Hash, value: unknown): Promise<void> {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength} `);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (isFileTensor(value)) {
    hash.update(`tensor ${value.dataType} ${value.shape} `);
    for (const chunk of (await restoreTensor(value)).chunks()) hash.update(chunk);
  } else if (typeof value === 'object' && value !== null) {
    if (value instanceof Map || value instanceof Set) throw internalError('Tasks whose results are kept take no maps');
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`{${entries.length} `);
    for (const [key, part] of entries) {
      hash.update(`${JSON.stringify(key)} `);
      await add(hash, part);
    }
  } else {
    // JSON has no NaN, infinities, negative zero, undefined or bigint.
    hash.update(`${typeof value} ${Object.is(value, -0) ? '-0' : JSON.stringify(String(value))} `);
  }
}

function isFileTensor(value: unknown): value is TensorDescription {
  return typeof value === 'object' && value !== null && (value as { readonly kind?: unknown }).kind === 'file';
}
