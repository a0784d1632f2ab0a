// The engine that executes graphs with onnxruntime-node on the CPU. The package is loaded when the first session is opened.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unsupportedModel } from '../../errors.js';
import type { Model } from '../../ir/index.js';
import { encodeWithReferences, loadModel } from '../../onnx/index.js';
import type { Engine, Session, SessionOptions } from '../engine.js';
import { adaptInterface, type InterfaceTypes, interfaceTypes, needsAdapting } from './adapt-interface.js';
import { engineFailure } from './failure.js';
import { inferTypes } from './infer-types.js';
import { loadRuntime, type NativeOptions, type NativeSession, nativeOptions, type OnnxRuntime } from './runtime.js';
import { OnnxRuntimeSession } from './session.js';

export interface OnnxRuntimeEngineOptions {
  /** Threads of sessions that do not say themselves; default 1. */
  readonly threads?: number;
}

export function createOnnxRuntimeEngine({ threads = 1 }: OnnxRuntimeEngineOptions = {}): Engine {
  return {
    name: 'onnxruntime-node',
    open: (model, options = {}) => {
      const complete = { threads, ...options };
      return typeof model === 'string' ? openFile(model, complete) : openModel(model, complete);
    },
    inferTypes,
  };
}

async function openFile(path: string, options: SessionOptions): Promise<Session> {
  const opened = await openNative(path, null, path, options);
  // What the binding cannot take or give is adapted in the IR.
  if (!opened) return openModel(await loadModel(path), options);
  const { inputNames, outputNames } = opened.native;
  return new OnnxRuntimeSession({ ...opened, name: path, types: new Map(), inputNames, outputNames, release() {} });
}

async function openModel(model: Model, options: SessionOptions): Promise<Session> {
  const declared = interfaceTypes(model);
  const session = await openAdapted(model, declared, options);
  if (session) return session;
  // Some type is not declared in the file, but onnxruntime knows it.
  const inferred = await inferTypes(model);
  const types = new Map(declared);
  for (const value of [...model.graph.inputs, ...model.graph.outputs]) {
    const type = inferred.get(value);
    if (type) types.set(value.name, type.dataType);
  }
  const adapted = await openAdapted(model, types, options);
  if (adapted) return adapted;
  throw unsupportedModel(`${nameOf(model)} has an input or output of a type that onnxruntime-node does not know`);
}

/** null when an input or output is of a type that the binding does not know and `types` does not tell. */
async function openAdapted(model: Model, types: InterfaceTypes, options: SessionOptions): Promise<Session | null> {
  const name = nameOf(model);
  const encoded = encodeWithReferences(needsAdapting(types) ? adaptInterface(model, types) : model);
  let opened: OpenedNative | null = null;
  try {
    opened = await openNative(encoded.bytes, encoded.folder, name, options);
  } finally {
    if (!opened) encoded.release();
  }
  if (!opened) return null;
  const inputNames = model.graph.inputs.filter(({ isInitializer }) => !isInitializer).map((input) => input.name);
  const outputNames = model.graph.outputs.map((output) => output.name);
  return new OnnxRuntimeSession({ ...opened, name, types, inputNames, outputNames, release: encoded.release });
}

function nameOf(model: Model): string {
  return model.path ?? 'the model';
}

interface OpenedNative {
  readonly runtime: OnnxRuntime;
  readonly native: NativeSession;
  readonly profileFolder: string | null;
}

/** null when an input or output is of a type that the binding does not know. Throws MODEL_UNSUPPORTED. */
async function openNative(
  model: string | Uint8Array,
  folder: string | null,
  name: string,
  options: SessionOptions,
): Promise<OpenedNative | null> {
  const runtime = await loadRuntime();
  const profileFolder = options.profile ? mkdtempSync(join(tmpdir(), 'dsopt-profile-')) : null;
  const native = await createNative(runtime, model, nativeOptions(options, folder, { profileFolder }), name);
  if (!native && profileFolder) rmSync(profileFolder, { recursive: true, force: true });
  return native && { runtime, native, profileFolder };
}

async function createNative(
  runtime: OnnxRuntime,
  model: string | Uint8Array,
  options: NativeOptions,
  name: string,
): Promise<NativeSession | null> {
  let native: NativeSession;
  try {
    // The overloads of create take either; there is none for both.
    native = await runtime.InferenceSession.create(model as string, options);
  } catch (cause) {
    if (cause instanceof Error && cause.message.startsWith('Unsupported data type')) return null;
    throw engineFailure('load', name, cause);
  }
  // Fetching packed 4-bit tensors ends the process: the binding believes to know them.
  if ([...native.inputMetadata, ...native.outputMetadata].some(isFourBit)) {
    await native.release();
    return null;
  }
  return native;
}

function isFourBit(metadata: NativeSession['outputMetadata'][number]): boolean {
  return metadata.isTensor && (metadata.type === 'int4' || metadata.type === 'uint4');
}
