// Weights rounded with calibration data, one matrix product after the other: what each sees in real samples, behind the quantized weights in front
// of it, decides how it is rounded and by which algorithm.
import { type LinearOperator, linearOperator } from '../../src/analysis/index.js';
import { hasRows } from '../../src/calibration/index.js';
import type { Model, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  type BlockTensors,
  blocksFromRounded,
  type MatrixAlgorithm,
  type MatrixForm,
  type PackedParameters,
  packedFromRounded,
  type RoundedWeight,
  roundWeight,
  turned,
} from '../../src/quantization/index.js';
import { InputsInOrder, ObservedInputs } from './calibrated-inputs.js';
import type { Settings } from './options.js';
import type { NodePlan, WeightRequest } from './plan.js';

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

/**
 * The weights that `plans` ask for, as far as data helps: products in the main graph. Others are left out.
 * @param model as the pass found it; is not edited.
 */
export async function roundWithSamples(
  plans: Iterable<NodePlan>,
  model: Model,
  algorithms: readonly MatrixAlgorithm[],
  { damping, actOrder, sequential }: Settings,
  context: PassContext,
): Promise<Map<WeightRequest, CalibratedWeight | string>> {
  const found = new Map<WeightRequest, CalibratedWeight | string>();
  const { workers, signal } = context;
  const groups = groupByInput(calibratable(plans, model));
  const total = groups.reduce((count, group) => count + group.length, 0);
  const inputs = sequential ? await InputsInOrder.start(model, context) : new ObservedInputs(context);
  for await (const { group, moments } of inputs.of(groups)) {
    const rounded = await Promise.all(
      group.map(async ({ request, operator }) => {
        const weights = readMatrix(request);
        const n = operator.outputChannels;
        const shortfall =
          moments.lack && (await context.products.multiply(moments.lack, operator.rowLength, weights, n));
        const { gram, held, count } = moments;
        const options = { damping: damping + operator.rowLength / (3 * count), actOrder };
        const problem = { weights, n, form: formOf(request), algorithms, gram, shortfall, held, ...options };
        return roundWeight(problem, workers, signal);
      }),
    );
    for (const [index, target] of group.entries()) {
      const result = rounded[index];
      found.set(target.request, typeof result === 'string' ? result : storedForm(target.request, result));
      if (typeof result !== 'string') inputs.replace(target, result.decoded);
    }
    context.progress(found.size, total);
  }
  return found;
}

function calibratable(plans: Iterable<NodePlan>, model: Model): Calibratable[] {
  const result: Calibratable[] = [];
  const known = new Set<Value>();
  for (const { node, requests, integers } of plans) {
    const [request] = requests;
    if (node.graph !== model.graph || known.has(request.source.value)) continue;
    const operator = linearOperator(node, model);
    if (operator === null || typeof operator === 'string' || !hasRows(operator)) continue;
    known.add(request.source.value);
    result.push({ request, operator, integers });
  }
  return result;
}

/** Operators that share their input, in the order of the model. */
function groupByInput(all: readonly Calibratable[]): Calibratable[][] {
  const groups = new Map<Value, Calibratable[]>();
  for (const target of all) {
    const { input } = target.operator;
    groups.set(input, [...(groups.get(input) ?? []), target]);
  }
  return [...groups.values()];
}

/** W [K, N] as float32. */
function readMatrix({ source, form, rows }: WeightRequest): Float32Array {
  const stored = source.tensor.readFloat32();
  return rows ? turned(stored, form.layout.k) : stored;
}

function formOf({ form }: WeightRequest): MatrixForm {
  if (form.kind === 'packed') return { kind: 'packed', bits: form.bits, blockSize: form.layout.blockSize };
  const { bits, blockSize, symmetric } = form.scheme;
  return { kind: 'blocks', bits, blockSize, symmetric };
}

function storedForm({ form, rows }: WeightRequest, rounded: RoundedWeight): CalibratedWeight {
  const { blocks, scale, algorithm, errors } = rounded;
  const stored =
    form.kind === 'packed'
      ? packedFromRounded(blocks, scale!, form.bits, rows)
      : blocksFromRounded(blocks, form.layout, form.scheme, form.kind);
  return { stored, algorithm, errors };
}
