// Reads types and shapes of a model's outputs straight from the native binding: the JavaScript around it throws where an output
// has an element type that it cannot fetch, although the type itself is known.
import { createRequire } from 'node:module';
import type { Dimension } from '../../ir/index.js';
import type { NativeOptions } from './runtime.js';

/** One output as the binding describes it. */
interface RawMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  /** TensorProto.DataType. */
  readonly type: number;
  /** -1 for a dimension that is symbolic or unknown. */
  readonly shape: readonly number[];
  /** The names of dimensions, '' where there is none. */
  readonly symbolicDimensions: readonly string[];
}

interface RawSession {
  readonly outputMetadata: readonly RawMetadata[];
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: NativeOptions): void;
  dispose(): void;
}

interface RawBinding {
  initOrt(): void;
  readonly binding: { readonly InferenceSession: new () => RawSession };
}

export interface OutputMetadata {
  readonly name: string;
  /** TensorProto.DataType; null for a sequence, map or optional. */
  readonly typeCode: number | null;
  /** [] also where the rank is unknown. */
  readonly shape: readonly Dimension[];
}

/** Throws what the binding throws when it cannot load the model. */
export function readOutputMetadata(model: Uint8Array, options: NativeOptions): OutputMetadata[] {
  const require = createRequire(import.meta.url);
  const { binding, initOrt } = require('onnxruntime-node/dist/binding.js') as RawBinding;
  initOrt();
  const session = new binding.InferenceSession();
  try {
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, options);
    return session.outputMetadata.map(({ name, isTensor, type, shape, symbolicDimensions }) => ({
      name,
      typeCode: isTensor ? type : null,
      shape: isTensor ? shape.map((dim, index) => (dim >= 0 ? dim : symbolicDimensions[index] || null)) : [],
    }));
  } finally {
    session.dispose();
  }
}
