// Load → clone → save → load: the saved file means the same to an independent decoder and gives onnxruntime's same outputs.
// bench/round-trip.ts does it with every model at hand; this is a quick part of it.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createOnnxRuntimeEngine } from '../src/engine/index.js';
import { cloneModel, verifyModel } from '../src/ir/index.js';
import { encodeToBytes, loadModel, saveModel } from '../src/onnx/index.js';
import { findWorkingFeeds } from '../src/synthetic/index.js';
import { decodeIndependently } from './second-decoder.js';
import { needsShared, sharedModels } from './shared-models.js';
import { temporaryFolder } from './temporary-folder.js';

const folder = temporaryFolder();
const fixtures = fileURLToPath(new URL('../fixtures/models', import.meta.url));
const fixtureModels = existsSync(fixtures)
  ? readdirSync(fixtures)
      .filter((name) => name.endsWith('.onnx'))
      .map((name) => join(fixtures, name))
  : [];

let count = 0;
async function saveCopy(path: string): Promise<string> {
  const model = await loadModel(path);
  verifyModel(model);
  const clone = cloneModel(model);
  verifyModel(clone);
  const [saved] = await saveModel(clone, join(folder, String(count++), basename(path)));
  const again = await loadModel(saved);
  verifyModel(again);
  // What comes out goes in and comes out the same.
  expect(Buffer.compare(encodeToBytes(again), encodeToBytes(clone))).toBe(0);
  return saved;
}

async function expectSameOutputs(original: string, saved: string): Promise<void> {
  const engine = createOnnxRuntimeEngine();
  const sessions = [await engine.open(original), await engine.open(saved)];
  const feeds = (await findWorkingFeeds(sessions[0], await loadModel(original))).at(0);
  const [expected, actual] = await Promise.all(sessions.map((session) => session.run(feeds)));
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) {
    expect(actual[name].shape).toEqual(tensor.shape);
    expect(Buffer.compare(actual[name].bytes(), tensor.bytes()), name).toBe(0);
  }
  for (const session of sessions) await session.close();
}

test.each(fixtureModels.map((path) => [basename(path), path]))('fixture %s', async (_, path) => {
  const saved = await saveCopy(path);
  expect(decodeIndependently(saved)).toEqual(decodeIndependently(path));
  await expectSameOutputs(path, saved);
});

describe(`shared models${needsShared}`, () => {
  const megabyte = 1 << 20;
  // Operators of every kind, one model each; ONNX 1.10 reads these.
  const operators = sharedModels('robust/onnx-backend/node').filter((_, index) => index % 32 === 0);
  const trained = sharedModels('models/public', megabyte);
  // Some of onnxruntime's own test models, with subgraphs, functions and its contributed operators.
  const contributed = sharedModels('robust/ort-testdata', megabyte).filter((_, index) => index % 24 === 0);

  test.runIf(operators.length > 0)('mean the same to another decoder', async () => {
    for (const path of [...operators, ...trained, ...contributed]) {
      const saved = await saveCopy(path).catch((error: { code?: string }) => {
        // Files that are broken on purpose.
        expect(error.code, path).toBe('MODEL_INVALID');
        return null;
      });
      if (saved) expect(decodeIndependently(saved), path).toEqual(decodeIndependently(path));
    }
  });

  test.runIf(trained.length > 0)('give the same outputs', async () => {
    for (const path of trained) await expectSameOutputs(path, await saveCopy(path));
  });
});
