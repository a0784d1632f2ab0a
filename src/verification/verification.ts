// What a verification is asked and what it answers.
import type { Engine, Feeds } from '../engine/index.js';
import type { Model } from '../ir/index.js';
import type { Fidelity } from '../metrics/index.js';
import type { Decoding } from './check-decoding.js';

export interface VerificationOptions {
  readonly original: Model;
  /** The written file, and the model loaded from it. */
  readonly result: Model;
  readonly engine: Engine;
  /** What runs the result, where that is not what runs the original. */
  readonly resultEngine?: Engine;
  /** Real inputs; without them seeded synthetic ones are made. */
  readonly samples?: AsyncIterable<Feeds> | null;
  /** Most samples to run; default 3. */
  readonly sampleCount?: number;
  readonly seed?: number;
  /** Shapes of inputs by name, for synthetic inputs. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Bytes of weights that may be loaded at once; default half of what is free. */
  readonly maxMemory?: number;
  readonly signal?: AbortSignal;
}

export interface NamedFidelity extends Fidelity {
  readonly name: string;
}

export interface FidelityReport {
  readonly samples: number;
  readonly synthetic: boolean;
  /** Both models run whole, or both cut into `slices` that run on the activations of the original. */
  readonly method: 'whole' | 'slices';
  readonly slices: number;
  /** The model's outputs. */
  readonly outputs: readonly NamedFidelity[];
  /** The least faithful value: an output, or one where slices meet. */
  readonly worst: NamedFidelity | null;
  /** Missing where nothing is left to compute at load, and where models were cut into slices. */
  readonly decoding?: Decoding;
}
