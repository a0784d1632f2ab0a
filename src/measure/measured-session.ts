// A session of onnxruntime with inputs at hand, ready to be run again and again. Loaded in the process of the model only.
import * as ort from 'onnxruntime-node';
import { unsupportedModel } from '../errors.js';
import type { SetUp } from './protocol.js';

export interface MeasuredSession {
  /** Milliseconds it took to create the session. */
  readonly sessionCreate: number;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  run(): Promise<unknown>;
}

/** Throws MODEL_UNSUPPORTED with the reason of onnxruntime. */
export async function openMeasuredSession(path: string, setUp: SetUp): Promise<MeasuredSession> {
  const start = performance.now();
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(path, {
      intraOpNumThreads: setUp.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 4,
      // Threads that spin while they wait would take the processor from the models measured in between.
      extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
    });
  } catch (cause) {
    throw unsupportedModel(`onnxruntime cannot load ${path}: ${(cause as Error).message}`, undefined, cause);
  }
  const sessionCreate = performance.now() - start;
  const feeds: Record<string, ort.Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) throw unsupportedModel(`Input ${input.name} of ${path} is no tensor`);
    const shape =
      setUp.inputShapes[input.name] ??
      input.shape.map((dim, axis) => (typeof dim === 'number' && dim >= 0 ? dim : axis === 0 ? setUp.batch : 16));
    const size = shape.reduce((product, dim) => product * dim, 1);
    feeds[input.name] = new ort.Tensor(
      input.type,
      (input.type === 'int64' ? new BigInt64Array(size).fill(1n) : new Float32Array(size).fill(1)) as never,
      shape,
    );
  }
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
  return { sessionCreate, inputs, run: () => session.run(feeds) };
}
