// A session of onnxruntime with inputs at hand, ready to be run again and again. Loaded in the process of the model only.

import { createOnnxRuntimeEngine } from '../engine/index.js';
import { loadModel } from '../onnx/index.js';
import { findWorkingFeeds } from '../synthetic/index.js';
import type { SetUp } from './protocol.js';

export interface MeasuredSession {
  /** Milliseconds it took to create the session. */
  readonly sessionCreate: number;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  run(): Promise<unknown>;
}

/** Throws MODEL_UNSUPPORTED with the reason of onnxruntime, and what making up inputs throws. */
export async function openMeasuredSession(path: string, setUp: SetUp): Promise<MeasuredSession> {
  const { threads, ...inputOptions } = setUp;
  // Loading the native library is no part of creating a session.
  await import('onnxruntime-node');
  const engine = createOnnxRuntimeEngine({ threads });
  const start = performance.now();
  const session = await engine.open(path);
  const sessionCreate = performance.now() - start;
  const synthetic = await findWorkingFeeds(session, await loadModel(path), inputOptions);
  const feeds = synthetic.at(0);
  return { sessionCreate, inputs: synthetic.shapes, run: () => session.run(feeds) };
}
