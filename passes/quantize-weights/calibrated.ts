// Weights rounded with calibration data, one matrix product after the other: what each sees in real samples, behind the quantized weights in front
// of it, decides how it is rounded and by which algorithm.
import { type LinearOperator, linearOperator } from '../../src/analysis/index.js';
import { hasRows } from '../../src/calibration/index.js';
import type { Model, Node, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  type BlockTensors,
  blocksFromRounded,
  type MatrixAlgorithm,
  type PackedParameters,
  packedFromRounded,
  type RoundedWeight,
  vectorLength,
} from '../../src/quantization/index.js';
import { InputsInOrder, ObservedInputs } from './calibrated-inputs.js';
import type { ScalePlace } from './input-scales.js';
import type { Settings } from './options.js';
import { type NodePlan, orderOf, type WeightRequest } from './plan.js';
import { roundGroup } from './round-group.js';
import { countRows } from './row-counts.js';

/** A weight and the operator whose inputs it meets. */
export interface Calibratable {
  readonly request: WeightRequest;
  readonly operator: LinearOperator;
  /** Whether the runtime rounds its activations to eight bits. */
  readonly integers: boolean;
}

/** A weight in its stored form, and what is known of its error. */
export interface CalibratedWeight {
  readonly stored: PackedParameters | BlockTensors;
  readonly algorithm: MatrixAlgorithm;
  /** See `RoundedWeight`. */
  readonly errors: ReadonlyMap<MatrixAlgorithm, number>;
}

export interface CalibratedWeights {
  readonly weights: ReadonlyMap<WeightRequest, CalibratedWeight | string>;
  /** Inputs that are divided by scales [K], which their weights hold already. */
  readonly divided: readonly DividedInput[];
}

export interface DividedInput {
  readonly place: ScalePlace;
  readonly scales: Float32Array;
}

/**
 * The weights that `plans` ask for, as far as data helps: products in the main graph. Others are left out.
 * @param model as the pass found it; is not edited.
 */
export async function roundWithSamples(
  plans: Iterable<NodePlan>,
  model: Model,
  algorithms: readonly MatrixAlgorithm[],
  settings: Settings,
  context: PassContext,
): Promise<CalibratedWeights> {
  const weights = new Map<WeightRequest, CalibratedWeight | string>();
  const divided: DividedInput[] = [];
  const groups = groupByInput(calibratable(plans, model));
  const all = groups.flat();
  const isStored = (node: Node): boolean =>
    all.some(({ operator, request }) => operator.node === node && operator.ownsWeight && weights.has(request));
  const counts = settings.fisher ? await countRows(groups, model, context) : null;
  const inputs = settings.sequential ? await InputsInOrder.start(model, context, counts) : new ObservedInputs(context);
  for await (const { group, moments } of inputs.of(groups)) {
    const result = await roundGroup(group, moments, algorithms, isStored, settings, context);
    if (result.divided) divided.push(result.divided);
    for (const [index, target] of group.entries()) {
      const rounded = result.weights[index];
      weights.set(target.request, typeof rounded === 'string' ? rounded : storedForm(target.request, rounded));
      if (typeof rounded !== 'string') inputs.replace(target, rounded.decoded);
    }
    context.progress(weights.size, all.length);
  }
  return { weights, divided };
}

function calibratable(plans: Iterable<NodePlan>, model: Model): Calibratable[] {
  const result: Calibratable[] = [];
  const known = new Set<Value>();
  for (const { node, requests, integers } of plans) {
    const [request] = requests;
    if (node.graph !== model.graph || known.has(request.source.value) || request.form.kind === 'normal') continue;
    const operator = linearOperator(node, model);
    if (operator === null || typeof operator === 'string' || !hasRows(operator) || operator.groups > 1) continue;
    if (request.form.kind === 'packed' && request.form.codebook && splitsRows(request, operator)) continue;
    known.add(request.source.value);
    result.push({ request, operator, integers });
  }
  return result;
}

/** Whether a vector of the codebook holds elements of several rows of the summed axis, which are rounded one after the other. */
function splitsRows({ rows }: WeightRequest, { outputChannels }: LinearOperator): boolean {
  return rows || outputChannels % vectorLength !== 0;
}

/** Products that share their input, in the order of the model; each convolution sees patches of its own. */
function groupByInput(all: readonly Calibratable[]): Calibratable[][] {
  const groups = new Map<Value | Node, Calibratable[]>();
  for (const target of all) {
    const { input, kind, node } = target.operator;
    const key = kind === 'matrix' ? input : node;
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return [...groups.values()];
}

function storedForm({ form, rows }: WeightRequest, rounded: RoundedWeight): CalibratedWeight {
  const { blocks, scale, algorithm, errors } = rounded;
  const stored =
    form.kind === 'packed'
      ? packedFromRounded(blocks, scale!, form.bits, rows)
      : blocksFromRounded(blocks, form.layout, form.scheme, orderOf(form));
  return { stored, algorithm, errors };
}
