// How far a command is: a bar with the expected time and the throughput on a terminal, one line per step elsewhere; always on stderr.
import type { SingleBar } from 'cli-progress';
import type { Io } from './io.js';
import type { Output } from './output.js';
import { describeRate, Rate } from './rate.js';

export interface Progress {
  /** `done` of `total` are done, and `name` begins. */
  step(name: string, done: number, total: number): void;
  /** `done` of the same total are done. */
  update(done: number): void;
  /** Within the step: `done` of `total` samples, or of a number that is not known; `note` says how it goes. */
  within(done: number, total: number | null, note?: string): void;
  stop(): void;
}

export async function createProgress(io: Io, output: Output): Promise<Progress> {
  if (output.quiet) return { step() {}, update() {}, within() {}, stop() {} };
  if (!io.stderr.isTTY) return { step: (name) => output.log(`${name} …`), update() {}, within() {}, stop() {} };
  const { SingleBar: Bar } = (await import('cli-progress')).default;
  let bar: SingleBar | null = null;
  let current = '';
  let rate = new Rate(performance.now());
  const draw = (text: string, done: number, total: number): void => {
    if (!bar) {
      bar = new Bar({
        stream: io.stderr as NodeJS.WritableStream,
        format: '{bar} {text}',
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
      });
      bar.start(Math.max(total, 1), done, { text });
      return;
    }
    bar.setTotal(Math.max(total, 1));
    bar.update(done, { text });
  };
  // Of the steps; samples within one have a total of their own.
  let outer = { done: 0, total: 0 };
  return {
    step(name, done, total) {
      current = name;
      outer = { done, total };
      rate = new Rate(performance.now());
      draw(total > 0 ? `${done}/${total} ${name}` : name, done, total);
    },
    update(done) {
      const { total } = outer;
      draw(`${done}/${total} ${current} · ${describeRate(rate.at(done, total, performance.now()))}`, done, total);
    },
    within(done, total, note) {
      const position = outer.total > 0 ? `${outer.done}/${outer.total} ` : '';
      const count = total === null ? `${done}` : `${done}/${total}`;
      const speed = describeRate(rate.at(done, total, performance.now()));
      draw([`${position}${current} ${count}`, speed, note].filter(Boolean).join(' · '), done, total ?? 0);
    },
    stop() {
      bar?.stop();
      bar = null;
    },
  };
}
