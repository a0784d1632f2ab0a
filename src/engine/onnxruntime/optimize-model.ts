// What onnxruntime makes of a model before it runs it: fused and folded, with kernels of its own. Read back from the file that it writes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../ir/index.js';
import { encodeWithReferences, loadModel } from '../../onnx/index.js';
import { engineFailure } from './failure.js';
import { loadRuntime, nativeOptions } from './runtime.js';

/**
 * The graph as onnxruntime would run it on the CPU, without layouts that depend on the processor (blocked ones; integers with channels last)
 * unless `layouts` asks for them. Its weights are gone with the file they were in. Throws MODEL_UNSUPPORTED where the model does not load.
 */
export async function optimizeModel(model: Model, { layouts = false } = {}): Promise<Model> {
  const runtime = await loadRuntime();
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-optimized-'));
  const path = join(folder, 'model.onnx');
  const encoded = encodeWithReferences(model);
  try {
    const options = nativeOptions({ optimization: layouts ? 'all' : 'extended' }, encoded.folder);
    const { session: settings } = options.extra as { session: Record<string, string> };
    // Else it would refer to the files of the original, as if they lay beside it.
    const own = { ...settings, optimized_model_external_initializers_file_name: 'weights.bin' };
    const session = await runtime.InferenceSession.create(encoded.bytes, {
      ...options,
      extra: { session: own },
      optimizedModelFilePath: path,
    });
    await session.release();
    return await loadModel(path);
  } catch (cause) {
    throw engineFailure('load', model.path ?? 'the model', cause);
  } finally {
    encoded.release();
    rmSync(folder, { recursive: true, force: true });
  }
}
