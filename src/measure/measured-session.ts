// A session of onnxruntime with inputs at hand, ready to be run again and again. Loaded in the process of the model only.

import { createOnnxRuntimeEngine, createOnnxRuntimeWebEngine, type Engine, type Session } from '../engine/index.js';
import { type Model, parseModel } from '../ir/index.js';
import { loadModel } from '../onnx/index.js';
import { findWorkingFeeds, type SyntheticFeeds } from '../synthetic/index.js';
import type { SetUp } from './protocol.js';

export interface MeasuredSession {
  /** Milliseconds it took to create the session. */
  readonly sessionCreate: number;
  /** Bytes of the process resident then. */
  readonly loadedMemory: number;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  run(): Promise<unknown>;
}

/** Throws MODEL_UNSUPPORTED with the reason of onnxruntime, and what making up inputs throws. */
export async function openMeasuredSession(path: string, setUp: SetUp): Promise<MeasuredSession> {
  const engine = await startEngine(setUp);
  const start = performance.now();
  const session = await engine.open(path);
  const sessionCreate = performance.now() - start;
  const loadedMemory = process.memoryUsage.rss();
  const synthetic = await makeFeeds(session, await loadModel(path), setUp);
  const feeds = synthetic.at(0);
  return { sessionCreate, loadedMemory, inputs: synthetic.shapes, run: () => session.run(feeds) };
}

/** Loading the library is no part of creating a session; WebAssembly is compiled with the first one. */
async function startEngine({ engine, threads }: SetUp): Promise<Engine> {
  if (engine === 'onnxruntime-node') {
    await import('onnxruntime-node');
    return createOnnxRuntimeEngine({ threads });
  }
  const web = createOnnxRuntimeWebEngine({ threads });
  const smallest = parseModel(
    '<ir_version: 8, opset_import: ["": 17]> same (float[1] x) => (float[1] y) { y = Neg(x) }',
  );
  await (await web.open(smallest)).close();
  return web;
}

async function makeFeeds(
  session: Session,
  model: Model,
  { batch, seed, inputShapes, likeFirst }: SetUp,
): Promise<SyntheticFeeds> {
  const known = Object.entries(likeFirst).filter(([name]) => session.inputs.some((input) => input.name === name));
  if (known.length > 0) {
    const shapes = { ...Object.fromEntries(known), ...inputShapes };
    try {
      return await findWorkingFeeds(session, model, { batch, seed, inputShapes: shapes });
    } catch {
      // A model with an interface of its own.
    }
  }
  return findWorkingFeeds(session, model, { batch, seed, inputShapes });
}
