// TensorFlow.js and its backends: optional peers, loaded when they are asked for.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { unsupportedModel, usageError } from '../../errors.js';

export type Tfjs = typeof import('@tensorflow/tfjs-core');
export type TfTensor = import('@tensorflow/tfjs-core').Tensor;

export const tfjsBackends = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm'] as const;
export type TfjsBackend = (typeof tfjsBackends)[number];

/** The packages to install for a backend. */
export const backendPackages: Readonly<Record<TfjsBackend, readonly string[]>> = {
  'tfjs-node-gpu': ['@tensorflow/tfjs-node-gpu'],
  'tfjs-node': ['@tensorflow/tfjs-node'],
  webgpu: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu', 'webgpu'],
  wasm: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'],
};

/** What TensorFlow.js can compute on a GPU with here: the first of its GPU backends that is installed, starts and has one. */
export async function findGpuBackend(): Promise<TfjsBackend | null> {
  for (const backend of ['tfjs-node-gpu', 'webgpu'] as const) {
    if (!isInstalled(backend)) continue;
    try {
      const tfjs = await loadTfjs(backend);
      if (backend === 'webgpu' || (tfjs.backend() as { readonly isGPUPackage?: boolean }).isGPUPackage) return backend;
    } catch {
      // Installed, but not for this machine.
    }
  }
  return null;
}

/** Whether all packages of a backend are there. */
export function isInstalled(backend: TfjsBackend): boolean {
  const { resolve } = createRequire(import.meta.url);
  return backendPackages[backend].every((name) => {
    try {
      resolve(name);
      return true;
    } catch {
      return false;
    }
  });
}

const loaded = new Map<TfjsBackend, Promise<Tfjs>>();

/** TensorFlow.js on `backend`. Throws USAGE where packages are missing, MODEL_UNSUPPORTED where the backend does not start here. */
export function loadTfjs(backend: TfjsBackend): Promise<Tfjs> {
  let tfjs = loaded.get(backend);
  if (!tfjs) {
    tfjs = start(backend);
    loaded.set(backend, tfjs);
  }
  return tfjs;
}

async function start(backend: TfjsBackend): Promise<Tfjs> {
  let tfjs: Tfjs;
  try {
    tfjs = await starters[backend]();
  } catch (cause) {
    const missing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((cause as NodeJS.ErrnoException).code ?? '');
    const command = `npm install ${backendPackages[backend].join(' ')}`;
    if (missing) throw usageError(`The backend ${backend} is not installed`, `Install it with ${command}.`);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unsupportedModel(
      `The backend ${backend} does not start: ${reason}`,
      'dsopt doctor says what works here.',
      cause,
    );
  }
  return tfjs;
}

const starters: Readonly<Record<TfjsBackend, () => Promise<Tfjs>>> = {
  'tfjs-node-gpu': () => startNative('@tensorflow/tfjs-node-gpu'),
  'tfjs-node': () => startNative('@tensorflow/tfjs-node'),
  webgpu: startWebGpu,
  wasm: startWasm,
};

/** tfjs-node and its kin bring a core of their own, with the native backend registered. */
async function startNative(name: string): Promise<Tfjs> {
  const module = (await import(name)) as Tfjs & { readonly default?: Tfjs };
  const tfjs = module.default ?? module;
  await tfjs.ready();
  return tfjs;
}

/** A package may not be there to be typed. */
async function importPackage(name: string): Promise<Record<string, unknown>> {
  return (await import(name)) as Record<string, unknown>;
}

interface Gpu {
  requestAdapter(
    options: object,
  ): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean; readonly description?: string } } | null>;
}

/** Dawn gives Node.js the `navigator.gpu` that the backend looks for while it is loaded. */
async function startWebGpu(): Promise<Tfjs> {
  const { create, globals } = (await importPackage('webgpu')) as {
    readonly create: (options: readonly string[]) => unknown;
    readonly globals: Readonly<Record<string, unknown>>;
  };
  Object.assign(globalThis, globals);
  const gpu = create([]) as Gpu;
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  // A software adapter is slower than everything else here.
  if (!adapter || adapter.info?.isFallbackAdapter || /swiftshader|llvmpipe/i.test(adapter.info?.description ?? '')) {
    const needs =
      process.platform === 'linux'
        ? ' (on Linux it needs a Vulkan driver and libvulkan1, in containers libegl1, libgl1 and libglx0 too)'
        : '';
    throw new RangeError(`there is no GPU that WebGPU can use${needs}`);
  }
  const current = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(globalThis, 'navigator', {
    value: Object.create(current, { gpu: { value: gpu, enumerable: true } }),
    configurable: true,
    writable: true,
  });
  const tfjs: Tfjs = await import('@tensorflow/tfjs-core');
  await importPackage('@tensorflow/tfjs-backend-webgpu');
  // Handing work to the GPU costs more than the work itself where tensors are small: do it a hundred operations at a time.
  tfjs.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', 100);
  return select(tfjs, 'webgpu');
}

async function startWasm(): Promise<Tfjs> {
  const tfjs: Tfjs = await import('@tensorflow/tfjs-core');
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')), '/'));
  return select(tfjs, 'wasm');
}

async function select(tfjs: Tfjs, name: string): Promise<Tfjs> {
  if (!(await tfjs.setBackend(name))) throw new RangeError(`TensorFlow.js has no ${name} here`);
  await tfjs.ready();
  return tfjs;
}
