// Whether the engines work on this machine, and how fast they multiply: each runs a small model.
import type { Engine } from '../engine/index.js';
import type { DoctorReport } from '../report/index.js';

type Component = DoctorReport['components'][number];

/** Rows and columns of the matrices that are multiplied. */
const size = 512;
const multiplications = 3;

/** Every engine: those that come along, then optional ones, with how to install what is missing. */
export async function checkEngines(): Promise<Component[]> {
  const engines = await import('../engine/index.js');
  const { installedVersion } = await import('../report/index.js');
  const components = [
    await checkEngine('onnxruntime-node', 'runs and verifies models', engines.createOnnxRuntimeEngine),
  ];
  const web = 'checks models meant for browsers';
  components.push(
    installedVersion('onnxruntime-web') === null
      ? missing('onnxruntime-web', web, ['onnxruntime-web'])
      : await checkEngine('onnxruntime-web', web, engines.createOnnxRuntimeWebEngine),
  );
  for (const backend of engines.tfjsBackends) {
    const packages = engines.backendPackages[backend];
    components.push(
      engines.isInstalled(backend)
        ? await checkEngine(packages.at(-1)!, purposes[backend], () => engines.createTfjsEngine(backend))
        : missing(packages.at(-1)!, purposes[backend], packages),
    );
  }
  return components;
}

const purposes: Readonly<Record<import('../engine/index.js').TfjsBackend, string>> = {
  'tfjs-node-gpu': 'trains on NVIDIA GPUs (--backend tfjs-node-gpu)',
  'tfjs-node': 'trains on the processor (--backend tfjs-node)',
  webgpu: 'trains on GPUs of any vendor (--backend webgpu)',
  wasm: 'trains in WebAssembly (--backend wasm)',
};

function missing(name: string, purpose: string, packages: readonly string[]): Component {
  return { name, purpose, version: null, works: null, gigaflops: null, note: `npm install ${packages.join(' ')}` };
}

async function checkEngine(name: string, purpose: string, create: () => Engine): Promise<Component> {
  const { installedVersion } = await import('../report/index.js');
  const base = { name, purpose, version: installedVersion(name) };
  try {
    const { parseModel } = await import('../ir/index.js');
    const { float32Tensor } = await import('../tensor/index.js');
    const model = parseModel(
      `<ir_version: 8, opset_import: ["": 17]> product (float[${size},${size}] x) => (float[${size},${size}] y) { y = MatMul(x, x) }`,
    );
    const session = await create().open(model);
    try {
      // Twice the identity: its square is four times the identity.
      const values = new Float32Array(size * size);
      for (let i = 0; i < size; i++) values[i * (size + 1)] = 2;
      const x = float32Tensor([size, size], values);
      const { y } = await session.run({ x });
      const product = y.readFloat32();
      if (product[0] !== 4 || product[1] !== 0)
        return { ...base, works: false, gigaflops: null, note: 'it computes wrong results' };
      let fastest = Number.POSITIVE_INFINITY;
      for (let run = 0; run < multiplications; run++) {
        const start = performance.now();
        await session.run({ x });
        fastest = Math.min(fastest, performance.now() - start);
      }
      return { ...base, works: true, gigaflops: (2 * size ** 3) / fastest / 1e6, note: '' };
    } finally {
      await session.close();
    }
  } catch (cause) {
    return { ...base, works: false, gigaflops: null, note: cause instanceof Error ? cause.message : String(cause) };
  }
}
