// How far a command is: a bar with the expected time on a terminal, one line per step elsewhere; always on stderr.
import type { SingleBar } from 'cli-progress';
import type { Io } from './io.js';
import type { Output } from './output.js';

export interface Progress {
  /** `done` of `total` are done, and `name` begins. */
  step(name: string, done: number, total: number): void;
  /** `done` of the same total are done. */
  update(done: number): void;
  stop(): void;
}

export async function createProgress(io: Io, output: Output): Promise<Progress> {
  if (output.quiet) return { step() {}, update() {}, stop() {} };
  if (!io.stderr.isTTY) return { step: (name) => output.log(`${name} …`), update() {}, stop() {} };
  const { SingleBar: Bar } = (await import('cli-progress')).default;
  let bar: SingleBar | null = null;
  return {
    step(name, done, total) {
      if (bar) bar.update(done, { name });
      else {
        bar = new Bar({
          stream: io.stderr as NodeJS.WritableStream,
          format: '{bar} {value}/{total} {name} · ETA {eta} s',
          barsize: 24,
          hideCursor: true,
          clearOnComplete: true,
          etaBuffer: 4,
        });
        bar.start(total, done, { name });
      }
    },
    update(done) {
      bar?.update(done);
    },
    stop() {
      bar?.stop();
      bar = null;
    },
  };
}
