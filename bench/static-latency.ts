// How fast `--mode static` is beside float32 and beside onnxruntime's own quantize_static: three sessions in one process that take turns on the same samples;
// medians, their ratio to float32, and the bytes. The peer is the row of shared/peers that does best: QDQ, per channel, ranges by percentile, for
// transformers products alone, with the extremes for texts, of which its histograms take only those of one length.
// PYTHON=venv/bin/python node dist-bench/bench/static-latency.js MODEL DATA '{"imageMean": […]}' [all|MatMul,Gemm] [RUNS]; SAMPLES to calibrate with, THREADS.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { builtinPasses } from '../passes/index.js';
import { openSamples } from '../src/calibration/index.js';
import { compressModel } from '../src/compress.js';
import type { DataOptions } from '../src/data/index.js';
import { createOnnxRuntimeEngine, type Feeds } from '../src/engine/index.js';
import { percentile } from '../src/numeric/index.js';
import { loadModel, saveModel } from '../src/onnx/index.js';
import { quantizeSteps, resolveRecipe } from '../src/recipe/index.js';
import { writeSamples } from './sample-files.js';

const [path, data, options = '{}', operators = 'all', runs = '300'] = process.argv.slice(2);
if (!data) throw new TypeError('node static-latency.js MODEL DATA [DATA_OPTIONS [all|MatMul,Gemm [RUNS]]]');
const dataOptions = JSON.parse(options) as DataOptions;
const samples = Number(process.env.SAMPLES ?? 64);
const threads = Number(process.env.THREADS ?? 2);
/** Runs of each before the clock counts. */
const warmUp = 5;

const folder = mkdtempSync(join(tmpdir(), 'dsopt-latency-'));
try {
  const engine = createOnnxRuntimeEngine();
  const model = await loadModel(path);
  const opened = await openSamples(model, { data, dataOptions: { ...dataOptions, samples } }, { engine });
  const feeds: Feeds[] = [];
  for await (const sample of opened.samples) feeds.push(sample);
  await opened.close();
  const files = { float32: path, dsopt: join(folder, 'dsopt.onnx'), ...(await quantizeByPeer(feeds)) };
  const recipe = await resolveRecipe(
    { version: 1, steps: quantizeSteps(builtinPasses, 'static', {}) },
    { passes: builtinPasses, folder: '.' },
  );
  await saveModel((await compressModel(model, recipe, { samples: feeds, engine })).model, files.dsopt);
  const sessions = await Promise.all(Object.values(files).map((file) => engine.open(file, { threads })));
  const times = sessions.map((): number[] => []);
  for (let run = -warmUp; run < Number(runs); run++) {
    const sample = feeds[(run + warmUp) % feeds.length];
    for (const [index, session] of sessions.entries()) {
      const start = performance.now();
      await session.run(sample);
      if (run >= 0) times[index].push(performance.now() - start);
    }
  }
  for (const session of sessions) await session.close();
  const middles = times.map((own) => percentile(Float32Array.from(own), 50));
  process.stdout.write('| | p50 ms | of float32 | bytes |\n| --- | --: | --: | --: |\n');
  for (const [index, [name, file]] of Object.entries(files).entries()) {
    const cells = [middles[index].toFixed(3), (middles[index] / middles[0]).toFixed(3), statSync(file).size];
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function quantizeByPeer(feeds: readonly Feeds[]): Promise<Record<string, string>> {
  if (!process.env.PYTHON) return {};
  const [inputs, output] = [join(folder, 'samples'), join(folder, 'ort.onnx')];
  await writeSamples(inputs, feeds);
  const script = fileURLToPath(import.meta.url).replace(/dist[^/]*\/bench\/.*$/, 'bench/quantize-static.py');
  await execa(
    process.env.PYTHON,
    [script, path, inputs, output, operators === 'all' ? 'Percentile' : 'MinMax', operators],
    { cwd: folder },
  );
  return { onnxruntime: output };
}
