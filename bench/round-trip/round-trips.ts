// Round trips of many models, over as many worker processes as it takes: one that dies or hangs costs one model.
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { RoundTrip, WorkerMessage } from './outcome.js';

const worker = fileURLToPath(new URL('./worker.js', import.meta.url));
const mostMilliseconds = 60_000;

/** `folder` is where copies are put. */
export async function* roundTrips(paths: readonly string[], folder: string): AsyncIterable<RoundTrip> {
  for (let done = 0; done < paths.length; ) {
    const child = execa('node', [worker, folder], {
      input: `${paths.slice(done).join('\n')}\n`,
      reject: false,
      buffer: false,
      stderr: 'ignore',
    });
    const kill = (): void => void child.kill('SIGKILL');
    const watchdog = setTimeout(kill, mostMilliseconds);
    let last: WorkerMessage | null = null;
    for await (const line of child.iterable()) {
      watchdog.refresh();
      last = JSON.parse(String(line)) as WorkerMessage;
      if (!('outcome' in last)) continue;
      done++;
      yield last;
    }
    clearTimeout(watchdog);
    const { signal, exitCode } = await child;
    if (done === paths.length) return;
    const path = paths[done++];
    const atCopy = last !== null && 'copy' in last;
    const end = `the process ended (${signal ?? exitCode}) or was silent for ${mostMilliseconds / 1000} s`;
    yield { path, outcome: atCopy ? 'failed' : 'crash', reason: atCopy ? `at the copy, ${end}` : end };
  }
}
