// Lengths for the dynamic axes of a model's inputs. What an axis is, its symbolic name or its place tells; how long it must be,
// nothing does, so there are several plans, the likeliest first.
import type { Dimension, TensorType, Value } from '../ir/index.js';
import { type DataType, isFloat } from '../tensor/index.js';
import { lengthFromConsumers } from './consumer-shape.js';
import { isChannels } from './input-role.js';

export interface DimensionPlan {
  /** Tokens, frames, steps. */
  readonly sequence: number;
  /** Samples of sound. */
  readonly samples: number;
  /** Height and width. */
  readonly image: number;
  /** Length of what a cache holds already. */
  readonly past: number;
  /** Axes that nothing is known of. */
  readonly other: number;
}

export const dimensionPlans: readonly DimensionPlan[] = [
  { sequence: 16, samples: 16000, image: 224, past: 8, other: 4 },
  { sequence: 16, samples: 512, image: 224, past: 0, other: 1 },
  { sequence: 1, samples: 1280, image: 256, past: 8, other: 16 },
  { sequence: 32, samples: 64, image: 320, past: 16, other: 32 },
  { sequence: 128, samples: 16, image: 640, past: 32, other: 3 },
  { sequence: 512, samples: 1, image: 64, past: 1, other: 2 },
  { sequence: 400, samples: 2, image: 32, past: 4, other: 64 },
  { sequence: 2, samples: 4, image: 28, past: 2, other: 128 },
  { sequence: 76, samples: 8, image: 299, past: 8, other: 5 },
  { sequence: 1, samples: 1, image: 96, past: 0, other: 1 },
  { sequence: 1, samples: 1, image: 1, past: 1, other: 1 },
];

type AxisKind = 'batch' | 'channels' | keyof DimensionPlan;

const symbols: readonly (readonly [AxisKind, RegExp])[] = [
  ['batch', /batch|^(?:n|b|bs|bsz)$/],
  ['past', /past|cache/],
  ['image', /height|width|^[hw]$|^(?:in_?)?(?:ht|wd)$/],
  ['samples', /sample|audio|wav|pcm/],
  ['sequence', /seq|len|time|frame|step|token|^[tsl]$|words|chars/],
  ['channels', /channel/],
];

/** Lengths by symbolic name, shared by all inputs of a model. */
export type Bindings = Map<string, number>;

/** Binds the symbolic names that given shapes decide. */
export function bindGiven(shape: readonly Dimension[], given: readonly number[], bindings: Bindings): void {
  shape.forEach((dim, axis) => {
    if (typeof dim === 'string') bindings.set(dim, given[axis]);
  });
}

/**
 * The shape of `input` without dynamic axes; new names are added to `bindings`. A batch axis gets `batch`, an axis along which
 * weights lie their length, the others what the plan says.
 */
export function bindShape(
  input: Value,
  { dataType, shape }: TensorType,
  plan: DimensionPlan,
  batch: number,
  bindings: Bindings,
): number[] {
  const dims = shape ?? [];
  return dims.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    const length =
      bindings.get(dim ?? '') ??
      lengthFromConsumers(input, axis, dims.length) ??
      lengthOfSymbol(dim ?? '', plan, batch, bindings) ??
      lengthOfPlace(dims, axis, dataType, plan, batch);
    if (dim !== null) bindings.set(dim, length);
    return length;
  });
}

/** null when the name says nothing. `a + b` is the sum of both: exporters write what a cache holds after the run that way. */
function lengthOfSymbol(symbol: string, plan: DimensionPlan, batch: number, bindings: Bindings): number | null {
  const bound = bindings.get(symbol);
  if (bound !== undefined) return bound;
  const terms = symbol.split('+').map((term) => term.trim());
  if (terms.length > 1) {
    const lengths = terms.map((term) =>
      /^\d+$/.test(term) ? Number(term) : lengthOfSymbol(term, plan, batch, bindings),
    );
    return lengths.includes(null) ? null : (lengths as number[]).reduce((sum, length) => sum + length, 0);
  }
  const lower = symbol.toLowerCase();
  if (/total/.test(lower) && /seq|len/.test(lower)) return plan.past + plan.sequence;
  const kind = symbols.find(([, pattern]) => pattern.test(lower))?.[0];
  return kind ? lengthOfKind(kind, plan, batch) : null;
}

function lengthOfPlace(
  dims: readonly Dimension[],
  axis: number,
  dataType: DataType,
  plan: DimensionPlan,
  batch: number,
): number {
  if (axis === 0) return batch;
  const rank = dims.length;
  if (rank === 4) {
    if (isChannels(dims[3]) && axis < 3) return plan.image;
    if (axis >= 2) return plan.image;
    return lengthOfKind('channels', plan, batch);
  }
  // [batch, tokens] or [batch, samples], [batch, time, features]
  if (axis === 1 && rank === 2) return isFloat(dataType) ? plan.samples : plan.sequence;
  if (axis === 1 && rank === 3) return plan.sequence;
  return axis === 2 && rank === 3 && typeof dims[1] === 'number' ? plan.sequence : plan.other;
}

function lengthOfKind(kind: AxisKind, plan: DimensionPlan, batch: number): number {
  switch (kind) {
    case 'batch':
      return batch;
    case 'channels':
      return 3;
    default:
      return plan[kind];
  }
}
