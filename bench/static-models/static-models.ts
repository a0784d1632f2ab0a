// `--mode static` on trained models, beside ONNX Runtime's quantize_static on the same samples: size, cosine of the worst output to float32, and how
// far decoded detections agree, as a Markdown table.
// PYTHON=venv/bin/python node dist-bench/bench/static-models/static-models.js ../shared [NAME…]; without PYTHON dsopt alone.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { builtinPasses } from '../../passes/index.js';
import { openSamples } from '../../src/calibration/index.js';
import { compressModel } from '../../src/compress.js';
import { createOnnxRuntimeEngine, type Feeds } from '../../src/engine/index.js';
import type { Model } from '../../src/ir/index.js';
import { loadModel, saveModel } from '../../src/onnx/index.js';
import { quantizeSteps, resolveRecipe } from '../../src/recipe/index.js';
import { findWorkingFeeds } from '../../src/synthetic/index.js';
import { isFloat } from '../../src/tensor/index.js';
import { writeSamples } from '../sample-files.js';
import { Agreement } from './detections.js';
import { carriedStates, featuresOf, withStates } from './features.js';
import { type TriedModel, triedModels } from './models.js';

const [shared, ...names] = process.argv.slice(2);
const samples = { calibrate: Number(process.env.CALIBRATE ?? 64), look: Number(process.env.LOOK ?? 40) };
const options = JSON.parse(process.env.OPTIONS ?? '{}') as Record<string, unknown>;
const engine = createOnnxRuntimeEngine();
const folder = mkdtempSync(join(tmpdir(), 'dsopt-static-'));
const repository = fileURLToPath(new URL('../../..', import.meta.url));
print('model', 'kB', 'dsopt kB', 'cosine', 'agreement', 'integer', 'unfused', 's', 'ort kB', 'cosine', 'agreement');
print('---', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:');
try {
  for (const tried of triedModels) {
    if (names.length === 0 || names.some((name) => tried.path.includes(name))) await row(tried);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function row(tried: TriedModel): Promise<void> {
  const path = resolve(shared, 'models', tried.path);
  const name = basename(path, '.onnx');
  try {
    const model = await loadModel(path);
    const calibration = await feedsOf(tried, model, 0, samples.calibrate);
    const look = await feedsOf(tried, model, 1, samples.look);
    const output = join(folder, `${name}.onnx`);
    const own = await quantize(model, calibration, output);
    const ownCells = typeof own === 'string' ? [own] : [...(await compare(path, output, look, tried)), ...own];
    const peer = await quantizeByPeer(path, calibration, join(folder, `${name}.ort.onnx`));
    const peerCells =
      peer === null ? await compare(path, join(folder, `${name}.ort.onnx`), look, tried).catch(reasonOf) : [peer];
    print(name, kilobytes(path), ...ownCells, ...peerCells);
  } catch (cause) {
    print(name, cause instanceof Error ? cause.message : String(cause));
  }
}

function reasonOf(cause: unknown): string[] {
  return [`fails: ${cause instanceof Error ? cause.message.slice(0, 160) : cause}`];
}

async function feedsOf(tried: TriedModel, model: Model, half: 0 | 1, count: number): Promise<readonly Feeds[]> {
  if (tried.features) {
    const feeds = await featuresOf(tried.features, resolve(shared), half, count);
    const states = carriedStates[basename(tried.path)];
    return states ? withStates(model, states, feeds) : feeds;
  }
  if (!tried.images && !tried.audio) {
    const session = await engine.open(model);
    const synthetic = await findWorkingFeeds(session, model, { seed: half });
    await session.close();
    return Array.from({ length: Math.min(count, 32) }, (_, index) => synthetic.at(index));
  }
  const photos = half === 0 ? 'data/photos' : 'data/imagenet-sample';
  const data = tried.audio
    ? 'data/vad_ten_testset'
    : tried.cifar
      ? `data/cifar10/${half === 0 ? 'train' : 'test'}`
      : photos;
  const dataOptions = { ...(tried.images ?? tried.audio), samples: count };
  const opened = await openSamples(model, { data: join(shared, data), dataOptions }, { engine, seed: half });
  const feeds: Feeds[] = [];
  for await (const feed of opened.samples) if (feeds.push(feed) === count) break;
  await opened.close();
  return feeds;
}

async function quantize(model: Model, calibration: readonly Feeds[], output: string): Promise<string[] | string> {
  try {
    const steps = quantizeSteps(builtinPasses, 'static', options);
    const recipe = await resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
    const start = performance.now();
    const { model: quantized, report } = await compressModel(model, recipe, { samples: calibration, engine });
    const seconds = (performance.now() - start) / 1000;
    await saveModel(quantized, output);
    const pass = report.passes.find((entry) => entry.pass === 'quantize-static');
    const unfused = String(pass?.metrics.unfusedNodes ?? '–');
    return [
      `${pass?.changed.length ?? 0} of ${(pass?.changed.length ?? 0) + (pass?.skipped.length ?? 0)}`,
      unfused,
      seconds.toFixed(1),
    ];
  } catch (cause) {
    return `fails: ${cause instanceof Error ? cause.message.slice(0, 200) : cause}`;
  }
}

async function quantizeByPeer(path: string, calibration: readonly Feeds[], output: string): Promise<null | string> {
  if (!process.env.PYTHON) return 'not run';
  const inputs = join(folder, 'samples');
  rmSync(inputs, { recursive: true, force: true });
  await writeSamples(inputs, calibration);
  const script = join(repository, 'bench/quantize-static.py');
  const { exitCode, stderr } = await execa(process.env.PYTHON, [script, path, inputs, output, 'MinMax'], {
    reject: false,
    cwd: folder,
  });
  return exitCode === 0 ? null : `fails: ${stderr.trim().split('\n').at(-1)?.slice(0, 160)}`;
}

/** Bytes, the cosine of the worst output over all samples at once (maps of text are all but zero where there is none), and the share of decoded things in common. */
async function compare(
  original: string,
  result: string,
  look: readonly Feeds[],
  { decode }: TriedModel,
): Promise<string[]> {
  const sessions = [await engine.open(original, { threads: 2 }), await engine.open(result, { threads: 2 })];
  const sums = new Map<string, [number, number, number]>();
  const agreement = new Agreement();
  for (const feeds of look) {
    const [expected, found] = [await sessions[0].run(feeds), await sessions[1].run(feeds)];
    for (const [name, tensor] of Object.entries(expected)) {
      if (!isFloat(tensor.dataType)) continue;
      const sum = sums.get(name) ?? [0, 0, 0];
      sums.set(name, sum);
      addProducts(sum, tensor.readFloat32(), found[name].readFloat32());
    }
    if (decode) agreement.add(decode(expected), decode(found));
  }
  for (const session of sessions) await session.close();
  const cosines = [...sums.values()].map(([xx, yy, xy]) => (xx === 0 && yy === 0 ? 1 : xy / Math.sqrt(xx * yy)));
  const worst = cosines.length === 0 ? '–' : Math.min(...cosines).toFixed(5);
  return [kilobytes(result), worst, decode ? `${(100 * agreement.share).toFixed(1)} % of ${agreement.found}` : ''];
}

function addProducts(sum: [number, number, number], x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < x.length; i++) {
    sum[0] += x[i] * x[i];
    sum[1] += y[i] * y[i];
    sum[2] += x[i] * y[i];
  }
}

function kilobytes(path: string): string {
  return (statSync(path).size / 1000).toFixed(0);
}

function print(...cells: string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
