// A first inference of a model in a process of its own: kernels of onnxruntime that end the process (float16 on the CPU has some) must not end the
// caller's, which could then neither say what happened nor remove what it wrote.
import { verificationFailed } from '../errors.js';
import type { Model, Node } from '../ir/index.js';
import { canMeasure } from './measurable.js';
import { ModelProcess } from './model-process.js';

export interface TrialRunOptions {
  /** Shapes of inputs by name, for the synthetic inputs. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/**
 * Loads the file of `model`, which computes in float16, and runs it once on synthetic inputs. Throws VERIFICATION when that ends the process; what
 * onnxruntime says with an error, it will say again.
 */
export async function trialRun(model: Model, { inputShapes = {}, seed = 0, signal }: TrialRunOptions): Promise<void> {
  if (!canMeasure || model.path === null || ![...model.allNodes()].some(computesInHalf)) return;
  const child = new ModelProcess(model.path, signal);
  try {
    const setUp = { batch: 1, threads: 1, engine: 'onnxruntime-node', seed, inputShapes, likeFirst: {} } as const;
    await child.request({ kind: 'open', path: model.path, setUp });
    await child.request({ kind: 'run', count: 1 });
  } catch (cause) {
    if (!child.died) return;
    throw verificationFailed(
      'onnxruntime ended its process while it loaded or ran the result, which computes in float16',
      'Keep operators in float32 (--exclude, --blocked-operators), or only store weights in 16 bits (--compute float32).',
      cause,
    );
  } finally {
    child.end();
  }
}

function computesInHalf(node: Node): boolean {
  return !node.is('Cast') && node.inputs.some((input) => input?.constant?.dataType === 'float16');
}
