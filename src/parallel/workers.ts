// A pool of worker threads for long work on weights. A task is an exported constant that a worker finds by its module.
import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { Piscina } from 'piscina';
import { aborted } from '../errors.js';

/** Work that can run in a worker thread: input and output survive a structured clone. */
export interface Task<Input, Output> {
  /** `import.meta.url` of the module that exports it. */
  readonly module: string;
  readonly exportName: string;
  /** Whether the result is worth keeping, for runs that are interrupted and go on; it depends on nothing but the input. */
  readonly keep?: boolean;
  run(input: Input): Output | Promise<Output>;
}

export interface Workers {
  readonly jobs: number;
  /** Starts the threads, so that they load while this one goes on: for who knows that there will be work for all of them. */
  start(): void;
  run<Input, Output>(task: Task<Input, Output>, input: Input, signal?: AbortSignal): Promise<Output>;
  close(): Promise<void>;
}

/** Runs every task at once in this thread; for small work and where modules are TypeScript sources. */
export const inlineWorkers: Workers = {
  jobs: 1,
  start() {},
  async run(task, input) {
    return task.run(input);
  },
  async close() {},
};

/** `jobs` worker threads, started at the first task. The default leaves nothing idle: one per processor, at most 8. */
export function createWorkers(jobs: number = Math.min(8, availableParallelism())): Workers {
  // Worker threads of Node 20 cannot load TypeScript sources, which is what runs under a test runner.
  if (jobs <= 1 || extname(import.meta.url) === '.ts') return inlineWorkers;
  // A promise, so that tasks submitted together share one pool.
  let pool: Promise<Piscina> | null = null;
  return {
    jobs,
    start() {
      pool ??= startPool(jobs, jobs);
    },
    async run<Input, Output>(task: Task<Input, Output>, input: Input, signal?: AbortSignal): Promise<Output> {
      // Every waiting task listens to the signal; that many listeners are no leak.
      if (signal) setMaxListeners(0, signal);
      pool ??= startPool(1, jobs);
      const threads = await pool;
      try {
        return await threads.run({ module: task.module, exportName: task.exportName, input }, { signal });
      } catch (cause) {
        throw signal?.aborted ? aborted(cause) : cause;
      }
    },
    async close() {
      const closing = pool;
      pool = null;
      await (await closing)?.destroy();
    },
  };
}

async function startPool(minThreads: number, maxThreads: number): Promise<Piscina> {
  const { Piscina } = await import('piscina');
  return new Piscina({
    filename: new URL('./worker.js', import.meta.url).href,
    name: 'runInWorker',
    minThreads,
    maxThreads,
    // Threads stay until the pool is closed: between two steps of a run there is nothing for them to do.
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
  });
}
