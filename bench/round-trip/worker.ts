// Makes the round trip of the models whose paths come on stdin and tells how each went: lines of JSON when a model is begun, when
// its copy is, and when it is done. A process of its own, since onnxruntime aborts on some files.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { createOnnxRuntimeEngine, type Feeds, type Session } from '../../src/engine/index.js';
import { DsoptError } from '../../src/errors.js';
import { cloneModel, type Model, verifyModel } from '../../src/ir/index.js';
import { encodeToBytes, loadModel, saveModel } from '../../src/onnx/index.js';
import { findWorkingFeeds } from '../../src/synthetic/index.js';
import { StringTensor } from '../../src/tensor/index.js';
import { givenFeeds } from './given-feeds.js';
import type { Result, WorkerMessage } from './outcome.js';

const engine = createOnnxRuntimeEngine();
const folder = process.argv[2];

function tell(message: WorkerMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function roundTrip(path: string): Promise<Result> {
  let model: Model;
  try {
    model = await loadModel(path);
    verifyModel(model);
  } catch (error) {
    const refused = error instanceof DsoptError && error.code === 'MODEL_INVALID' && !(await loads(path));
    return { outcome: refused ? 'refused' : 'failed', reason: describe(error) };
  }
  const clone = cloneModel(model);
  const [copy] = await saveModel(clone, join(folder, basename(path)));
  try {
    const again = await loadModel(copy);
    verifyModel(again);
    if (Buffer.compare(encodeToBytes(again), encodeToBytes(clone)) !== 0)
      return { outcome: 'failed', reason: 'saved again, the copy differs' };
    return await compareOutputs(model, path, copy);
  } finally {
    rmSync(copy);
  }
}

async function compareOutputs(model: Model, path: string, copy: string): Promise<Result> {
  let original: Session;
  try {
    original = await engine.open(path);
  } catch (error) {
    const onlyCopy = await loads(copy);
    return {
      outcome: onlyCopy ? 'failed' : 'not-loaded',
      reason: `${onlyCopy ? 'the copy loads: ' : ''}${describe(error)}`,
    };
  }
  try {
    let feeds: Feeds;
    let expected: string;
    try {
      feeds = (await givenFeeds(path, model)) ?? (await findWorkingFeeds(original, model)).at(0);
      expected = await fingerprint(original, feeds);
    } catch (error) {
      return { outcome: 'not-run', reason: describe(error) };
    }
    tell({ copy: path });
    if (expected === (await runOnce(copy, feeds))) return { outcome: 'identical', reason: '' };
    if (expected !== (await runOnce(path, feeds)))
      return { outcome: 'random', reason: 'two runs of the original differ' };
    return { outcome: 'failed', reason: 'interface or outputs differ' };
  } finally {
    await original.close();
  }
}

async function loads(path: string): Promise<boolean> {
  return engine.open(path).then(
    (session) => session.close().then(() => true),
    () => false,
  );
}

async function runOnce(path: string, feeds: Feeds): Promise<string> {
  const session = await engine.open(path);
  try {
    return await fingerprint(session, feeds);
  } finally {
    await session.close();
  }
}

/** Inputs and outputs as onnxruntime describes them, and every bit of the outputs. */
async function fingerprint(session: Session, feeds: Feeds): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify([session.inputs, session.outputs]));
  for (const [name, tensor] of Object.entries(await session.run(feeds))) {
    digest.update(`${name} ${tensor.dataType} ${tensor.shape}`);
    const parts = tensor instanceof StringTensor ? tensor.values : [tensor.bytes()];
    for (const part of parts) digest.update(`${part.length} `).update(part);
  }
  return digest.digest('hex');
}

function describe(error: unknown): string {
  if (error instanceof DsoptError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

for await (const path of createInterface({ input: process.stdin })) {
  tell({ begin: path });
  const result = await roundTrip(path).catch(
    (error: unknown): Result => ({ outcome: 'failed', reason: describe(error) }),
  );
  tell({ path, ...result });
}
