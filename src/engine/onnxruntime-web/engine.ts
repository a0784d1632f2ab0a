// The engine that executes graphs with onnxruntime-web, the WebAssembly build that browsers run, inside of Node.js: what loads and runs here
// loads and runs there. The package is an optional peer, loaded when the first session is opened.
import { unsupportedModel, usageError } from '../../errors.js';
import type { Model } from '../../ir/index.js';
import { encodeToBytes, loadModel } from '../../onnx/index.js';
import type { Engine, Session, SessionOptions } from '../engine.js';
import { adaptInterface, interfaceTypes, needsAdapting } from '../onnxruntime/adapt-interface.js';
import { engineFailure } from '../onnxruntime/failure.js';
import { inferTypes } from '../onnxruntime/infer-types.js';
import { parseProfile } from '../onnxruntime/profile.js';
import type { NativeSession, OnnxRuntime } from '../onnxruntime/runtime.js';
import { OnnxRuntimeSession } from '../onnxruntime/session.js';
import { catchOutput } from './catch-output.js';

export interface OnnxRuntimeWebEngineOptions {
  /** Threads of all sessions of this process, as the first session is opened with; default 1. */
  readonly threads?: number;
}

/** Types are inferred by onnxruntime-node. */
export function createOnnxRuntimeWebEngine({ threads = 1 }: OnnxRuntimeWebEngineOptions = {}): Engine {
  return {
    name: 'onnxruntime-web',
    open: async (model, options = {}) =>
      open(typeof model === 'string' ? await loadModel(model) : model, options, threads),
    inferTypes,
  };
}

async function open(model: Model, options: SessionOptions, threads: number): Promise<Session> {
  const name = model.path ?? 'the model';
  const runtime = await loadWebRuntime(threads);
  const types = interfaceTypes(model);
  // A WebAssembly heap holds 4 GiB at most: a model beyond what one message takes does not fit anyway.
  const bytes = encodeToBytes(needsAdapting(types) ? adaptInterface(model, types) : model);
  let native: NativeSession;
  try {
    native = await runtime.InferenceSession.create(bytes, {
      executionProviders: ['wasm'],
      graphOptimizationLevel: options.optimization ?? 'all',
      logSeverityLevel: 4,
      enableCpuMemArena: !options.lowMemory,
      enableMemPattern: !options.lowMemory,
      ...(options.profile && { enableProfiling: true }),
      ...(options.lowMemory && { extra: { session: { disable_prepacking: '1' } } }),
    });
  } catch (cause) {
    throw engineFailure('load', `${name} (onnxruntime-web)`, cause);
  }
  const inputNames = model.graph.inputs.filter(({ isInitializer }) => !isInitializer).map((input) => input.name);
  const outputNames = model.graph.outputs.map((output) => output.name);
  return new OnnxRuntimeSession({
    runtime,
    native,
    name: `${name} (onnxruntime-web)`,
    types,
    inputNames,
    outputNames,
    profileFolder: null,
    ...(options.profile && { endProfiling: () => parseProfile(catchOutput(() => native.endProfiling())) }),
    release() {},
  });
}

/** Throws USAGE where the package is not installed, MODEL_UNSUPPORTED where it does not start. */
async function loadWebRuntime(threads: number): Promise<OnnxRuntime> {
  let runtime: typeof import('onnxruntime-web');
  try {
    runtime = await import('onnxruntime-web');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') {
      throw usageError('onnxruntime-web is not installed', 'Install it with npm install onnxruntime-web.');
    }
    throw unsupportedModel('onnxruntime-web does not load', 'Reinstall it with npm install onnxruntime-web.', cause);
  }
  runtime.env.wasm.numThreads = threads;
  runtime.env.logLevel = 'fatal';
  // The two packages share their interface (onnxruntime-common).
  return runtime as unknown as OnnxRuntime;
}
