// What runs in the process of one model: opens a session, answers requests for inferences, and tells its peak memory.
import { readFileSync } from 'node:fs';
import { DsoptError } from '../errors.js';
import { type MeasuredSession, openMeasuredSession } from './measured-session.js';
import type { Replies, Reply, Request } from './protocol.js';

let session: MeasuredSession | null = null;

async function answer(request: Request): Promise<Replies[Request['kind']]> {
  switch (request.kind) {
    case 'open':
      session = await openMeasuredSession(request.path, request.setUp);
      return {
        sessionCreate: session.sessionCreate,
        loadedMemory: session.loadedMemory,
        inputs: session.inputs,
      };
    case 'run': {
      const latencies: number[] = [];
      for (let index = 0; index < request.count; index++) {
        const start = performance.now();
        await session!.run();
        latencies.push(performance.now() - start);
      }
      return { latencies };
    }
    case 'finish':
      return { peakMemory: peakMemory() };
  }
}

/** Bytes. Linux counts in `maxRSS` what the parent held when it forked, so its own count for this program is asked first. */
function peakMemory(): number {
  try {
    const highWater = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (highWater) return Number(highWater[1]) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

function failure(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof DsoptError
    ? { kind: 'failed', code: error.code, message, hint: error.hint }
    : { kind: 'failed', code: 'INTERNAL', message, hint: null };
}

process.on('disconnect', () => process.exit());
process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ kind: 'done', value } satisfies Reply),
    (error: unknown) => process.send?.(failure(error)),
  );
});
