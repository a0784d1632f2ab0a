// The seam between dsopt and whatever executes ONNX graphs.
import type { Model, TensorType, Value } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';

/** Tensors by input or output name. */
export type Feeds = Readonly<Record<string, Tensor>>;

/** What a session says of one of its inputs or outputs. */
export interface ValueInfo {
  readonly name: string;
  /** null for sequences, maps and optionals, which can neither be fed nor fetched. The rank is known but for scalars: [] may be any rank. */
  readonly type: TensorType | null;
}

export interface SessionOptions {
  /** Threads within an operator; default 1, so that results do not depend on the machine. */
  readonly threads?: number;
  /** How much the engine may rewrite the graph; default 'all'. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Collects a profile, which `Session.profile` gives. */
  readonly profile?: boolean;
  /** Load weights with as little memory as possible, at the price of slower kernels. */
  readonly lowMemory?: boolean;
  /** Plan memory from the first run on; default true. Graphs with many live values (training) take a third less without. */
  readonly memoryPattern?: boolean;
}

/** One operator execution. */
export interface ProfileEvent {
  readonly nodeName: string;
  readonly opType: string;
  readonly microseconds: number;
}

export interface Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /**
   * Runs the graph once; `outputs` names what to return (default: every tensor that the engine can give: no sequences, maps and
   * optionals). Throws MODEL_UNSUPPORTED with the engine's reason.
   */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Record<string, Tensor>>;
  /** The profile of all runs so far; ends profiling. */
  profile(): Promise<readonly ProfileEvent[]>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  /** A session on a model of the IR, or on a file. Throws MODEL_UNSUPPORTED with the engine's reason when it cannot run it. */
  open(model: Model | string, options?: SessionOptions): Promise<Session>;
  /** Types and shapes of every tensor value of the main graph (subgraphs are not seen from outside), symbolic dimensions kept; what is not known is missing. */
  inferTypes(model: Model): Promise<ReadonlyMap<Value, TensorType>>;
}
