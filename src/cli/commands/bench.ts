// `dsopt bench`: latency, throughput, session-create time and peak memory of models, measured in turns.
import { type Command, Option } from 'commander';
import type { MeasuredEngine } from '../../measure/index.js';
import type { BenchmarkReport } from '../../report/index.js';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';
import { createProgress } from '../progress.js';
import { parseCount, parseInputShape, parseNatural, parseSeed } from '../value-parsers.js';

interface BenchOptions extends OutputOptions {
  readonly batch: number;
  readonly runs: number;
  readonly warmup: number;
  readonly threads: number;
  readonly engine: MeasuredEngine;
  readonly seed: number;
  readonly inputShape?: Readonly<Record<string, readonly number[]>>;
}

export const bench: CommandModule<[string[]], BenchOptions> = {
  async configure(command: Command) {
    const { measuredEngines } = await import('../../measure/index.js');
    command
      .argument('<models...>', 'the models; ratios are relative to the first')
      .option('--batch <n>', 'length of the dynamic first axis of inputs', parseCount, 1)
      .option('--runs <n>', 'inferences measured of each model', parseCount, 100)
      .option('--warmup <n>', 'inferences before measuring', parseNatural, 10)
      .option('--threads <n>', 'threads of onnxruntime', parseCount, 1)
      .addOption(
        new Option('--engine <name>', 'what runs the models: native code, or the WebAssembly that browsers run')
          .choices(measuredEngines)
          .default('onnxruntime-node'),
      )
      .option('--input-shape <name:shape>', 'shape of an input, like ids:1x128 (repeatable)', parseInputShape)
      .option('--seed <n>', 'seed of the synthetic inputs', parseSeed, 0);
  },
  async run([paths], { inputShape, ...options }, { io, output, signal }) {
    const { benchmark } = await import('../../measure/index.js');
    const { describeEnvironment, modelFileBytes, renderBenchmark, schemaName } = await import('../../report/index.js');
    const bytes = await Promise.all(paths.map(modelFileBytes));
    const progress = await createProgress(io, output);
    const { batch, runs, warmup, threads, engine, seed } = options;
    progress.step(`measuring ${paths.length} × ${runs} runs`, 0, 100);
    const onProgress = (share: number): void => progress.update(Math.round(share * 100));
    const settings = { batch, runs, warmup, threads, engine, seed };
    const result = await benchmark(paths, { ...settings, inputShapes: inputShape, signal, onProgress }).finally(
      progress.stop,
    );
    const report: BenchmarkReport = {
      schema: schemaName,
      command: 'bench',
      ...settings,
      environment: describeEnvironment(),
      models: result.models.map(({ path, inputs, quantiles, ...figures }, index) => ({
        path,
        bytes: bytes[index],
        ...figures,
        quantiles: [...quantiles],
        inputs: Object.fromEntries(Object.entries(inputs).map(([name, shape]) => [name, [...shape]])),
      })),
    };
    if (output.json) output.printJson(report);
    else output.print(renderBenchmark(report, output.style));
  },
};
