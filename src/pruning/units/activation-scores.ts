// Scores of units by what they compute on real samples: how large it is, or how much the loss depends on it (first-order Taylor: Molchanov et
// al., "Pruning Convolutional Neural Networks for Resource Efficient Inference", 2017; second-order with the Fisher information: Theis et al., 2018).
import type { ChannelStructure } from '../../analysis/index.js';
import type { Observer } from '../../calibration/index.js';
import type { PassContext } from '../../pass/index.js';
import { isFloat, type Tensor } from '../../tensor/index.js';
import { type TaylorOrder, taylorImportance } from '../../training/index.js';
import { firstOf } from '../budget/variants.js';
import type { PrunableGroup } from './group-kind.js';
import { type UnitValue, valueOfUnits } from './unit-values.js';

export type ActivationImportance = 'activation' | 'taylor' | 'fisher';

/** Samples whose gradients are taken: each costs two and more inferences. */
const gradientSamples = 128;

export interface ScoredGroups {
  readonly scores: ReadonlyMap<PrunableGroup, Float64Array>;
  readonly unobservable: ReadonlyMap<PrunableGroup, string>;
}

/**
 * One score a unit. `activation`: root mean square of what it computes, relative to the mean of its group. `taylor`: mean |Σ ∂L/∂O·O| over
 * samples; `fisher`: mean ½ (Σ ∂L/∂O·O)². Throws MODEL_UNSUPPORTED where gradients are wanted and the model has none.
 */
export async function activationScores(
  groups: readonly PrunableGroup[],
  structure: ChannelStructure,
  importance: ActivationImportance,
  context: PassContext,
): Promise<ScoredGroups> {
  const places = new Map<PrunableGroup, UnitValue>();
  const unobservable = new Map<PrunableGroup, string>();
  for (const group of groups) {
    const place = valueOfUnits(group, structure);
    if (place) places.set(group, place);
    else unobservable.set(group, 'no value of the model has its units along an axis');
  }
  if (places.size === 0) return { scores: new Map(), unobservable };
  const scores =
    importance === 'activation'
      ? await magnitudes(places, structure, context)
      : await slopes(places, structure, importance === 'taylor' ? 'first' : 'fisher', context);
  return { scores, unobservable };
}

async function magnitudes(
  places: ReadonlyMap<PrunableGroup, UnitValue>,
  { relations }: ChannelStructure,
  context: PassContext,
): Promise<Map<PrunableGroup, Float64Array>> {
  const meters = new Map([...places].map(([group, place]) => [group, new SquareMeter(place.axis)]));
  const wanted = [...places].map(([group, { value }]) => [value, meters.get(group)!] as const);
  await context.observe(wanted, relations.model);
  const scores = new Map<PrunableGroup, Float64Array>();
  for (const [group, { units }] of places) {
    const own = perUnit(group, units, meters.get(group)!.sums).map(Math.sqrt);
    const mean = own.reduce((sum, score) => sum + score, 0) / own.length;
    scores.set(
      group,
      own.map((score) => (mean > 0 ? score / mean : 0)),
    );
  }
  return scores;
}

async function slopes(
  places: ReadonlyMap<PrunableGroup, UnitValue>,
  { relations }: ChannelStructure,
  order: TaylorOrder,
  context: PassContext,
): Promise<Map<PrunableGroup, Float64Array>> {
  const judged = [
    ...new Map([...places.values()].map(({ value, axis }) => [value.name, { name: value.name, axis }])).values(),
  ];
  const slopes = await taylorImportance(relations.model, judged, firstOf(context.samples!, gradientSamples), {
    order,
    engine: context.engine,
    threads: context.workers.jobs,
    signal: context.signal,
    onSample: (done) => context.progress(done, null),
  });
  const scores = new Map<PrunableGroup, Float64Array>();
  for (const [group, { value, units }] of places) {
    scores.set(group, perUnit(group, units, slopes.get(value.name) ?? new Float64Array(units.length)));
  }
  return scores;
}

/** Sums of the coordinates of each unit. */
function perUnit({ units: all }: PrunableGroup, units: readonly number[], values: Float64Array): Float64Array {
  const sums = new Float64Array(all.length);
  for (const [at, unit] of units.entries()) if (unit >= 0) sums[unit] += values[at];
  return sums;
}

/** Σx² by coordinate of one axis. */
class SquareMeter implements Observer {
  sums = new Float64Array(0);
  private readonly axis: number;

  constructor(axis: number) {
    this.axis = axis;
  }

  observe(tensor: Tensor): void {
    if (!isFloat(tensor.dataType)) return;
    const length = tensor.shape[this.axis];
    if (this.sums.length === 0) this.sums = new Float64Array(length);
    const inner = tensor.shape.slice(this.axis + 1).reduce((size, extent) => size * extent, 1);
    const values = tensor.readFloat32();
    for (let row = 0; row * inner < values.length; row++) {
      let sum = 0;
      for (let at = row * inner; at < (row + 1) * inner; at++) sum += values[at] * values[at];
      this.sums[row % length] += sum;
    }
  }
}
