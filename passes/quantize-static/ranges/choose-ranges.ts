// Ranges of all quantized activations, from one sweep over the samples.
import type { LinearOperator } from '../../../src/analysis/index.js';
import { chooseRange, HistogramObserver, type Range, type RangeChoice } from '../../../src/calibration/index.js';
import type { Node, Value } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import {
  computeParameters,
  type QuantizationParameters,
  type QuantizationScheme,
} from '../../../src/quantization/index.js';
import { namedValues, worstValues } from '../emit/two-pass.js';
import type { Options } from '../options.js';
import { knownGrid } from '../plan/known-grids.js';
import { naturalRange } from '../plan/operators.js';
import { gainOf } from './activation-gain.js';
import { importanceOf } from './importance.js';

export interface ChosenRanges {
  /** Scale 1 where no finite number was seen. */
  readonly grids: ReadonlyMap<Value, QuantizationParameters>;
  /** Of the inputs of matrix products, with all that was seen within: those of values that are taken in two passes. */
  readonly wideGrids: ReadonlyMap<Value, QuantizationParameters>;
  readonly choices: ReadonlyMap<Value, RangeChoice>;
  /** Values whose matrix products are computed twice: on the rounded value, and on what rounding left. */
  readonly twoPass: ReadonlySet<Value>;
  /** Those that were asked for by name. */
  readonly named: ReadonlySet<Value>;
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
  const grids = new Map<Value, QuantizationParameters>();
  for (const value of values) {
    const known = knownGrid(value);
    if (known) grids.set(value, known);
    else observers.set(value, new HistogramObserver({ channels: importanceOf(value, linears) ?? undefined }));
  }
  const samples = await context.observe(observers);
  const scheme: QuantizationScheme = {
    dataType: options.activationType,
    symmetric: options.activationSymmetric,
    granularity: { kind: 'tensor' },
  };
  const choices = new Map<Value, RangeChoice>();
  for (const [value, seen] of observers) {
    const choice = chooseRange(seen, {
      method: options.calibrationMethod,
      scheme,
      percent: options.percentile,
      gain: gainOf(value),
      natural: naturalRange(value.producer),
    });
    if (choice) choices.set(value, choice);
    grids.set(value, gridOver(choice?.range ?? { low: 0, high: 0 }, scheme));
  }
  // A second pass resolves what rounding leaves, not what clipping does.
  const wideGrids = new Map<Value, QuantizationParameters>();
  for (const { kind, input } of linears.values()) {
    const seen = observers.get(input);
    if (kind === 'matrix' && seen && choices.has(input)) wideGrids.set(input, gridOver(widestOf(seen), scheme));
  }
  const named = namedValues(choices, linears, options);
  const twoPass = new Set([...named, ...worstValues(choices, linears, options)]);
  return { grids, wideGrids, choices, twoPass, named, samples };
}

function gridOver({ low, high }: Range, scheme: QuantizationScheme): QuantizationParameters {
  const ranges = { minimum: Float32Array.of(low), maximum: Float32Array.of(high) };
  return computeParameters({ ...ranges, nonFiniteCount: 0, firstNonFinite: -1 }, scheme);
}

function widestOf({ fitted, held }: HistogramObserver): Range {
  return { low: Math.min(fitted.minimum, held.minimum, 0), high: Math.max(fitted.maximum, held.maximum, 0) };
}
