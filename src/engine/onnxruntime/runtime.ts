// The onnxruntime-node package, loaded at first use, and how sessions are set up: nothing spins, nothing logs.
import { join } from 'node:path';
import { unsupportedModel } from '../../errors.js';
import type { SessionOptions } from '../engine.js';

export type OnnxRuntime = typeof import('onnxruntime-node');
export type NativeSession = import('onnxruntime-node').InferenceSession;
export type NativeOptions = import('onnxruntime-node').InferenceSession.SessionOptions;

/** Throws MODEL_UNSUPPORTED where the native library does not load (an unusual platform, a broken installation). */
export async function loadRuntime(): Promise<OnnxRuntime> {
  try {
    const module = await import('onnxruntime-node');
    return module.default;
  } catch (cause) {
    throw unsupportedModel(
      `onnxruntime-node does not load on ${process.platform}-${process.arch}`,
      'Reinstall it with npm install onnxruntime-node; it supports Linux, macOS and Windows on x64 and arm64.',
      cause,
    );
  }
}

/**
 * `folder` is what external data of a model given as bytes is relative to; a profile is written into `profileFolder`;
 * `compileOnly` makes a session that knows its inputs and outputs but cannot run.
 */
export function nativeOptions(
  options: SessionOptions,
  folder: string | null,
  { profileFolder = null, compileOnly = false }: { profileFolder?: string | null; compileOnly?: boolean } = {},
): NativeOptions {
  const { threads = 1, optimization = 'all', lowMemory = false, memoryPattern = !lowMemory } = options;
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: optimization,
    logSeverityLevel: 4,
    enableCpuMemArena: !lowMemory,
    enableMemPattern: memoryPattern,
    ...(profileFolder && { enableProfiling: true, profileFilePrefix: join(profileFolder, 'profile') }),
    extra: {
      session: {
        // Threads that wait for work would take processor time from whoever measures or runs beside.
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        // Weights in the kernels' own order are copies; without them they stay mapped from the file.
        ...(lowMemory && { disable_prepacking: '1' }),
        ...(compileOnly && { compile_only: '1' }),
        ...(folder && { model_external_initializers_file_folder_path: folder }),
      },
    },
  };
}
