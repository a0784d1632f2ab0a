// A session on a model with switches that stands for one choice of them: to whoever runs it, a model of the original interface.
import type { Feeds, Session, ValueInfo } from '../engine/index.js';
import { throwIfAborted } from '../errors.js';
import type { Tensor } from '../tensor/index.js';
import type { SwitchedModel } from './switch-nodes.js';
import type { SwitchedSession } from './switched-session.js';

export interface MaskedSessionOptions {
  readonly signal?: AbortSignal;
  /** Called after every run. */
  readonly onRun?: () => void;
}

/** Closing it does nothing: the session behind it belongs to whoever opened it. */
export class MaskedSession implements Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  private readonly session: SwitchedSession;
  private readonly on: readonly number[];
  /** Outputs that tell the error of the only node that is switched. */
  private readonly error: SwitchedModel['nodes'][number]['error'];
  private readonly options: MaskedSessionOptions;
  private noise = 0;
  private signal = 0;

  /** @param on indices of the nodes whose copies compute. */
  constructor(session: SwitchedSession, on: readonly number[], options: MaskedSessionOptions) {
    const { inputs, outputs, nodes } = session;
    this.session = session;
    this.inputs = inputs;
    this.outputs = outputs;
    this.on = on;
    this.error = on.length === 1 ? nodes[on[0]].error : null;
    this.options = options;
  }

  async run(feeds: Feeds, outputs = this.outputs.map(({ name }) => name)): Promise<Record<string, Tensor>> {
    const { session, on, error, options } = this;
    // The engine computes without waiting for anything: this lets an interrupt through.
    await new Promise((resolve) => setImmediate(resolve));
    throwIfAborted(options.signal);
    const wanted = error ? [...outputs, error.noise, error.signal] : outputs;
    const results = await session.run(feeds, wanted, on);
    if (error) {
      this.noise += results[error.noise].readFloat32()[0];
      this.signal += results[error.signal].readFloat32()[0];
    }
    options.onRun?.();
    return results;
  }

  /** Signal to noise of the switched node's own output over all runs, in dB; null where it is not defined. */
  get ownSqnr(): number | null {
    const ratio = 10 * Math.log10(this.signal / this.noise);
    return this.error && Number.isFinite(ratio) ? ratio : null;
  }

  async profile(): Promise<[]> {
    return [];
  }

  async close(): Promise<void> {}
}
