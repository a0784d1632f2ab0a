// The options of every command that writes a model.
import { type Command, Option } from 'commander';
import { addCalibrationOptions, type CalibrationOptions } from './calibration-options.js';
import { addEvaluationOptions, type EvaluationOptions } from './evaluation-options.js';
import type { OutputOptions } from './output.js';
import { parseCount, parseInputShape, parseReportPath, parseRuntime, parseSeed, parseSize } from './value-parsers.js';

export interface WriteOptions extends OutputOptions, EvaluationOptions, CalibrationOptions {
  readonly overwrite?: boolean;
  readonly verify: boolean;
  readonly measure?: boolean | 'steady';
  readonly target: string;
  readonly externalData: 'auto' | 'always' | 'never';
  readonly shardSize?: number;
  readonly inputShape?: Readonly<Record<string, readonly number[]>>;
  readonly seed?: number;
  readonly jobs?: number;
  readonly maxMemory?: number;
  readonly report?: readonly string[];
  readonly dryRun?: boolean;
  /** Of commands whose work can be long. */
  readonly resume?: boolean;
}

export async function addWriteOptions(command: Command): Promise<void> {
  addCalibrationOptions(command);
  await addEvaluationOptions(command);
  command
    .addOption(
      new Option(
        '--target <runtime>',
        'what the result is for, is verified and measured in: cpu (onnxruntime-node), web (onnxruntime-web), either of a version (cpu@1.20), or generic (only operators of ONNX)',
      )
        .argParser(parseRuntime)
        .default('cpu'),
    )
    .option('--overwrite', 'replace an existing output')
    .option('--dry-run', 'run the passes and report, write nothing')
    .option('--no-verify', 'do not run the result and compare it with the original')
    .option('--measure', 'measure latency of original and result of any size (default: up to 256 MB)')
    .option('--no-measure', 'do not measure latency (nor is it with --no-verify)')
    .addOption(
      new Option('--external-data <when>', 'weights in files of their own: auto is above 2 GiB')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .option('--shard-size <size>', 'most bytes of one such file, like 500MB', parseSize)
    .option(
      '--input-shape <name:shape>',
      'shape of an input for verification, like ids:1x128 (repeatable)',
      parseInputShape,
    )
    .option('--seed <n>', 'seed of everything random (default: 0)', parseSeed)
    .option('--jobs <n>', 'threads (default: one per processor, at most 8)', parseCount)
    .option(
      '--max-memory <size>',
      'verify in slices, and measure nothing, above this (default: half of what is free)',
      parseSize,
    )
    .option('--report <file>', 'write a report: .json, .md or .html (repeatable)', parseReportPath);
}
