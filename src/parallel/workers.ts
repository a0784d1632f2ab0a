// A pool of worker threads for long work on weights. A task is an exported constant that a worker finds by its module.
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { Piscina } from 'piscina';
import { aborted } from '../errors.js';

/** Work that can run in a worker thread: input and output survive a structured clone. */
export interface Task<Input, Output> {
  /** `import.meta.url` of the module that exports it. */
  readonly module: string;
  readonly exportName: string;
  run(input: Input): Output | Promise<Output>;
}

export interface Workers {
  readonly jobs: number;
  run<Input, Output>(task: Task<Input, Output>, input: Input, signal?: AbortSignal): Promise<Output>;
  close(): Promise<void>;
}

/** Runs every task at once in this thread; for small work and where modules are TypeScript sources. */
export const inlineWorkers: Workers = {
  jobs: 1,
  async run(task, input) {
    return task.run(input);
  },
  async close() {},
};

/** `jobs` worker threads, started at the first task. The default leaves nothing idle: one per processor, at most 8. */
export function createWorkers(jobs: number = Math.min(8, availableParallelism())): Workers {
  // Worker threads of Node 20 cannot load TypeScript sources, which is what runs under a test runner.
  if (jobs <= 1 || extname(import.meta.url) === '.ts') return inlineWorkers;
  let pool: Piscina | null = null;
  return {
    jobs,
    async run<Input, Output>(task: Task<Input, Output>, input: Input, signal?: AbortSignal): Promise<Output> {
      if (!pool) {
        const { Piscina } = await import('piscina');
        pool = new Piscina({
          filename: new URL('./worker.js', import.meta.url).href,
          name: 'runInWorker',
          minThreads: 1,
          maxThreads: jobs,
          atomics: 'disabled',
        });
      }
      try {
        return await pool.run({ module: task.module, exportName: task.exportName, input }, { signal });
      } catch (cause) {
        throw signal?.aborted ? aborted(cause) : cause;
      }
    },
    async close() {
      await pool?.destroy();
      pool = null;
    },
  };
}
