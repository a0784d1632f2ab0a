// Does with a model what dsopt does with every model: reads it, checks it, looks at all of it, quantizes a copy and writes both.
import { builtinPasses } from '../../passes/index.js';
import { runRecipe } from '../../src/compress.js';
import type { Engine } from '../../src/engine/index.js';
import { DsoptError, unsupportedModel } from '../../src/errors.js';
import { inspect } from '../../src/inspect.js';
import { cloneModel, formatModel, type Model, verifyModel } from '../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { inlineWorkers } from '../../src/parallel/index.js';
import { quantizeSteps, resolveRecipe } from '../../src/recipe/index.js';

/** onnxruntime is left out: what it does with a damaged model is not ours. */
const noEngine: Engine = {
  name: 'none',
  open: async () => Promise.reject(unsupportedModel('There is no engine')),
  inferTypes: async () => new Map(),
};

/** Whether the model was refused with an error meant for users. Throws whatever should not happen. */
export async function exerciseModel(source: Uint8Array | string): Promise<'refused' | 'accepted'> {
  try {
    const model = await loadModel(source);
    verifyModel(model);
    formatModel(model);
    await inspect(model, { engine: noEngine });
    const clone = cloneModel(model);
    verifyModel(clone);
    await rereadWritten(encodeToBytes(clone));
    await rereadWritten(encodeToBytes(await quantized(model)));
    return 'accepted';
  } catch (error) {
    if (error instanceof DsoptError && /^(MODEL_INVALID|MODEL_UNSUPPORTED|IO)$/.test(error.code)) return 'refused';
    throw error;
  }
}

async function quantized(model: Model): Promise<Model> {
  const steps = quantizeSteps(builtinPasses, 'dynamic', {});
  const recipe = await resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
  return (await runRecipe(model, recipe, { engine: noEngine, workers: inlineWorkers })).model;
}

/** What we write we read, and write the same. */
async function rereadWritten(bytes: Uint8Array): Promise<void> {
  let again: Uint8Array;
  try {
    const model = await loadModel(bytes);
    verifyModel(model);
    again = encodeToBytes(model);
  } catch (cause) {
    throw new Error(`What was written cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (Buffer.compare(bytes, again) !== 0) throw new Error('What was written is written differently when it is read');
}
