// Ctrl-C: the first one asks the command to stop and clean up, a second one ends the process as usual.
import type { Io } from './io.js';

export interface Interrupt {
  readonly signal: AbortSignal;
  stop(): void;
}

export function listenForInterrupt(io: Io): Interrupt {
  const controller = new AbortController();
  const listener = (): void => {
    stop();
    controller.abort();
  };
  const stop = (): void => {
    io.off('SIGINT', listener);
    io.off('SIGTERM', listener);
  };
  io.once('SIGINT', listener);
  io.once('SIGTERM', listener);
  return { signal: controller.signal, stop };
}
