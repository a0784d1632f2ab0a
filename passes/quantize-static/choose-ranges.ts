// Ranges of all quantized activations, from one sweep over the samples.
import type { LinearOperator } from '../../src/analysis/index.js';
import { chooseRange, HistogramObserver, type RangeChoice } from '../../src/calibration/index.js';
import type { Node, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  computeParameters,
  type QuantizationParameters,
  type QuantizationScheme,
} from '../../src/quantization/index.js';
import { gainOf, importanceOf } from './importance.js';
import type { Options } from './options.js';

export interface ChosenRanges {
  /** Scale 1 where no finite number was seen. */
  readonly grids: ReadonlyMap<Value, QuantizationParameters>;
  readonly choices: ReadonlyMap<Value, RangeChoice>;
  readonly samples: number;
}

/** @param values whose ranges are wanted. */
export async function chooseRanges(
  values: Iterable<Value>,
  linears: ReadonlyMap<Node, LinearOperator>,
  options: Options,
  context: PassContext,
): Promise<ChosenRanges> {
  const observers = new Map<Value, HistogramObserver>();
  for (const value of values) {
    observers.set(value, new HistogramObserver({ channels: importanceOf(value, linears) ?? undefined }));
  }
  const samples = await context.observe(observers);
  const scheme: QuantizationScheme = {
    dataType: options.activationType,
    symmetric: options.activationSymmetric,
    granularity: { kind: 'tensor' },
  };
  const grids = new Map<Value, QuantizationParameters>();
  const choices = new Map<Value, RangeChoice>();
  for (const [value, seen] of observers) {
    const choice = chooseRange(seen, {
      method: options.calibrationMethod,
      scheme,
      percent: options.percentile,
      gain: gainOf(value),
    });
    if (choice) choices.set(value, choice);
    const { low, high } = choice?.range ?? { low: 0, high: 0 };
    const ranges = { minimum: Float32Array.of(low), maximum: Float32Array.of(high) };
    grids.set(value, computeParameters({ ...ranges, nonFiniteCount: 0, firstNonFinite: -1 }, scheme));
  }
  return { grids, choices, samples };
}
