// The engine that executes graphs with TensorFlow.js: an operator table, nothing of its own. It serves training on GPUs; whatever else needs an
// engine is better off with onnxruntime.

import { cloneModel } from '../../ir/index.js';
import { loadModel } from '../../onnx/index.js';
import type { Engine } from '../engine.js';
import { inferTypes } from '../onnxruntime/infer-types.js';
import { loadTfjs, type TfjsBackend } from './backend.js';

/** Types are inferred by onnxruntime-node. The backend is loaded with the first session. */
export function createTfjsEngine(backend: TfjsBackend): Engine {
  return {
    name: backend,
    async open(model) {
      const tf = await loadTfjs(backend);
      const { TfjsSession } = await import('./session.js');
      const loaded = typeof model === 'string' ? await loadModel(model) : cloneModel(model);
      return new TfjsSession(tf, loaded);
    },
    inferTypes,
  };
}
