// What executes the steps of a training: a GPU where there is one that TensorFlow.js can use, onnxruntime on the processor everywhere.
import { createTfjsEngine, type Engine, findGpuBackend, type TfjsBackend, tfjsBackends } from '../engine/index.js';

export const trainingBackends = ['auto', 'onnxruntime', ...tfjsBackends] as const;
export type TrainingBackend = (typeof trainingBackends)[number];

/** `native` is onnxruntime. Throws USAGE where the packages of a backend are missing, MODEL_UNSUPPORTED where it does not start. */
export async function stepEngine(backend: TrainingBackend, native: Engine): Promise<Engine> {
  const chosen: TfjsBackend | 'onnxruntime' | null = backend === 'auto' ? await findGpuBackend() : backend;
  return chosen === null || chosen === 'onnxruntime' ? native : createTfjsEngine(chosen);
}
