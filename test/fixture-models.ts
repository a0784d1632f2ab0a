// The models under fixtures/models, and small helpers that tests of passes share.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createOnnxRuntimeEngine, type Engine, type Feeds } from '../src/engine/index.js';
import { cloneModel, type Model } from '../src/ir/index.js';
import { createRandom, type Random } from '../src/numeric/index.js';
import { inlineWorkers } from '../src/parallel/index.js';
import { type Pass, type PassReport, runPass } from '../src/pass/index.js';
import type { RuntimeTarget } from '../src/quantization/index.js';
import { castTensor, float32Tensor, int64Tensor, MemoryTensor, sizeOf, type Tensor } from '../src/tensor/index.js';

const folder = new URL('../fixtures/models/', import.meta.url).pathname;

/** Names of the model files, without data files. */
export const fixtureNames: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.onnx'))
  .sort();

export function fixturePath(name: string): string {
  return join(folder, name);
}

export const engine: Engine = createOnnxRuntimeEngine();

/** Runs `pass` on a copy of `model`. */
export async function runOnCopy(
  model: Model,
  pass: Pass,
  options: Readonly<Record<string, unknown>> = {},
  { seed = 0, target }: { readonly seed?: number; readonly target?: RuntimeTarget } = {},
): Promise<{ model: Model; report: PassReport }> {
  const copy = cloneModel(model);
  const { signal } = new AbortController();
  const samples = pass.needs.includes('samples') ? samplesFor(model) : null;
  const environment = { original: model, engine, workers: inlineWorkers, samples, signal, seed, target };
  return { model: copy, report: await runPass(copy, pass, options, environment) };
}

async function* drawSamples(model: Model): AsyncGenerator<Feeds> {
  for (let seed = 1; seed <= 4; seed++) yield feedsFor(model, seed);
}

/** What passes calibrate with in tests: four samples, the same ones each time. */
export function samplesFor(model: Model): AsyncIterable<Feeds> {
  return { [Symbol.asyncIterator]: () => drawSamples(model) };
}

/** Inputs that every fixture model takes: normal numbers, small indices, true. Dimensions without a length get 2. */
export function feedsFor(model: Model, seed = 1): Feeds {
  const feeds: Record<string, Tensor> = {};
  for (const { name, type, isInitializer } of model.graph.inputs) {
    if (isInitializer) continue;
    if (type?.kind !== 'tensor' || type.shape === null) throw new TypeError(`No rule to feed ${name}`);
    const shape = type.shape.map((dim) => (typeof dim === 'number' ? dim : 2));
    feeds[name] = drawInput(type.dataType, shape, createRandom(seed).fork(name));
  }
  return feeds;
}

function drawInput(dataType: string, shape: readonly number[], random: Random): Tensor {
  const length = sizeOf(shape);
  switch (dataType) {
    case 'float32':
      return float32Tensor(
        shape,
        Float32Array.from({ length }, () => random.normal()),
      );
    case 'float16':
      return castTensor(
        float32Tensor(
          shape,
          Float32Array.from({ length }, () => random.normal()),
        ),
        'float16',
      );
    case 'int64':
      return int64Tensor(
        shape,
        Array.from({ length }, () => random.int(8)),
      );
    case 'bool':
      return new MemoryTensor('bool', shape, new Uint8Array(length).fill(1));
    default:
      throw new TypeError(`No rule to feed ${dataType}`);
  }
}

/** Outputs of a model; every graph is run as it is written, so that equal arithmetic gives equal bits. */
export async function outputsOf(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await engine.open(model, { optimization: 'disabled' });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** Largest difference, relative to the largest magnitude of `expected`; Infinity where type or shape differ. */
export function relativeError(actual: Tensor, expected: Tensor): number {
  if (actual.dataType !== expected.dataType || `${actual.shape}` !== `${expected.shape}`)
    return Number.POSITIVE_INFINITY;
  if (Buffer.compare(actual.bytes(), expected.bytes()) === 0) return 0;
  if (!actual.dataType.startsWith('float')) return Number.POSITIVE_INFINITY;
  const [a, b] = [actual.readFloat32(), expected.readFloat32()];
  let difference = 0;
  let magnitude = 0;
  for (let index = 0; index < a.length; index++) {
    difference = Math.max(difference, Math.abs(a[index] - b[index]));
    magnitude = Math.max(magnitude, Math.abs(b[index]));
  }
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference / Math.max(magnitude, 1e-30);
}
