// What calibrating costs: wall time, processor time and peak memory of whole processes, in turns: plain inference on the samples; static quantization
// that only finds ranges (weights to the nearest), which is what the entropy calibration of ONNX Runtime's tool beside it does; and static quantization
// as it is by default, which fits rounded weights to the samples too. With 64, 256 and 1,024 samples.
// PYTHON=venv/bin/python node dist-bench/bench/calibration-cost.js MODEL DATA '{"imageMean": […]}' [ROUNDS]; needs GNU time.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { builtinPasses } from '../passes/index.js';
import { openSamples } from '../src/calibration/index.js';
import { compressModel } from '../src/compress.js';
import type { DataOptions } from '../src/data/index.js';
import { createOnnxRuntimeEngine } from '../src/engine/index.js';
import { percentile } from '../src/numeric/index.js';
import { loadModel } from '../src/onnx/index.js';
import { quantizeSteps, resolveRecipe } from '../src/recipe/index.js';
import { writeSamples } from './sample-files.js';

const [model, data, options = '{}', rounds = '3', task, count] = process.argv.slice(2);
if (!data) throw new TypeError('node calibration-cost.js MODEL DATA [DATA_OPTIONS [ROUNDS]]');
const dataOptions = JSON.parse(options) as DataOptions;
const counts = [64, 256, 1024];
if (task) await work(task, Number(count));
else await measureAll();

async function measureAll(): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const own = (name: string, samples: number): readonly string[] => [
    process.execPath,
    self,
    model,
    data,
    options,
    '1',
    name,
    String(samples),
  ];
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-calibration-'));
  try {
    const commands: Record<string, readonly string[]> = {
      'inference, 256 samples': own('infer', 256),
      ...Object.fromEntries(counts.map((count) => [`dsopt, ranges alone, ${count}`, own('ranges', count)])),
      ...Object.fromEntries(counts.map((count) => [`dsopt, default, ${count}`, own('quantize', count)])),
    };
    if (process.env.PYTHON) {
      await writeCalibration(folder);
      commands['onnxruntime, entropy, 256'] = [
        process.env.PYTHON,
        self.replace(/dist[^/]*\/bench\/.*$/, 'bench/quantize-static.py'),
        model,
        folder,
        join(folder, 'out.onnx'),
        'Entropy',
      ];
    }
    const measured = new Map<string, [number[], number[], number[]]>();
    for (let round = 0; round < Number(rounds); round++) {
      for (const [name, command] of Object.entries(commands)) {
        const [seconds, busy, megabytes] = measured.get(name) ?? [[], [], []];
        measured.set(name, [seconds, busy, megabytes]);
        const { stderr } = await execa('/usr/bin/time', ['-f', '%e %U %S %M', ...command]);
        const [elapsed, user, system, kilobytes] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
        seconds.push(elapsed);
        busy.push(user + system);
        megabytes.push(kilobytes / 1000);
      }
    }
    const middle = (values: readonly number[]): number => percentile(Float32Array.from(values), 50);
    process.stdout.write('| | s | processor s | peak MB |\n| --- | --: | --: | --: |\n');
    for (const [name, [seconds, busy, megabytes]] of measured) {
      const cells = [middle(seconds).toFixed(1), middle(busy).toFixed(1), middle(megabytes).toFixed(0)];
      process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function work(name: string, samples: number): Promise<void> {
  const engine = createOnnxRuntimeEngine();
  const loaded = await loadModel(model);
  const opened = await openSamples(loaded, { data, dataOptions: { ...dataOptions, samples } }, { engine });
  if (name === 'infer') {
    const session = await engine.open(loaded, { threads: 2 });
    for await (const feeds of opened.samples) await session.run(feeds);
    await session.close();
  } else {
    const settings = name === 'ranges' ? { rounding: 'nearest', biasCorrection: false } : {};
    const recipe = await resolveRecipe(
      { version: 1, steps: quantizeSteps(builtinPasses, 'static', settings) },
      { passes: builtinPasses, folder: '.' },
    );
    await compressModel(loaded, recipe, { samples: opened.samples, engine });
  }
  await opened.close();
}

async function writeCalibration(folder: string): Promise<void> {
  const engine = createOnnxRuntimeEngine();
  const opened = await openSamples(
    await loadModel(model),
    { data, dataOptions: { ...dataOptions, samples: 256 } },
    { engine },
  );
  await writeSamples(folder, opened.samples);
  await opened.close();
}
