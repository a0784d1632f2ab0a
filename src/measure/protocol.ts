// What the measuring process and the processes of the models tell each other, one reply for every request.
import type { ErrorCode } from '../errors.js';

/** What runs the models: native code, or the WebAssembly that browsers run. */
export const measuredEngines = ['onnxruntime-node', 'onnxruntime-web'] as const;
export type MeasuredEngine = (typeof measuredEngines)[number];

/** How a model is set up for being measured; the same for every model of a benchmark but for `likeFirst`. */
export interface SetUp {
  /** Length of the symbolic first axis of inputs. */
  readonly batch: number;
  readonly threads: number;
  readonly engine: MeasuredEngine;
  readonly seed: number;
  /** Shapes of inputs by name, where the caller fixes them. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** What the first model is fed with: others get the same shapes where they take them. */
  readonly likeFirst: Readonly<Record<string, readonly number[]>>;
}

export type Request =
  | { readonly kind: 'open'; readonly path: string; readonly setUp: SetUp }
  | { readonly kind: 'run'; readonly count: number }
  | { readonly kind: 'finish' };

export interface Replies {
  /** Milliseconds to create the session, bytes resident then, and the shapes of what is fed to it. */
  readonly open: {
    readonly sessionCreate: number;
    readonly loadedMemory: number;
    readonly inputs: Readonly<Record<string, readonly number[]>>;
  };
  /** Milliseconds of each inference. */
  readonly run: { readonly latencies: readonly number[] };
  /** The most bytes of memory the process has had resident. */
  readonly finish: { readonly peakMemory: number };
}

export type Reply =
  | { readonly kind: 'done'; readonly value: Replies[Request['kind']] }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | null };
