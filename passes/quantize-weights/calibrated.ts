// Packed weights with calibration data: what each matrix product sees in real samples decides how errors of rounding are made up for.
import { type LinearOperator, linearOperator } from '../../src/analysis/index.js';
import { GramObserver, hasRows } from '../../src/calibration/index.js';
import type { Model, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { type PackedParameters, packCompensated } from '../../src/quantization/index.js';
import type { Settings } from './options.js';
import type { NodePlan, PackedForm, WeightRequest } from './plan.js';

/** A packed matrix and the operator whose inputs it meets. */
interface Compensable {
  readonly request: WeightRequest<PackedForm>;
  readonly operator: LinearOperator;
}

/** Bytes of second moments that one sweep over the samples may collect. */
const mostMomentBytes = 512 << 20;

/**
 * Parameters of the packed weights that `plans` ask for, as far as data helps: products in the main graph. Others are left out.
 * @param model as the pass found it.
 */
export async function packWithSamples(
  plans: Iterable<NodePlan>,
  model: Model,
  { damping, actOrder }: Settings,
  context: PassContext,
): Promise<Map<WeightRequest, PackedParameters | string>> {
  const found = new Map<WeightRequest, PackedParameters | string>();
  for (const batch of batches(compensable(plans, model))) {
    const observers = new Map<Value, GramObserver>();
    for (const { operator } of batch) {
      if (!observers.has(operator.input)) observers.set(operator.input, new GramObserver(operator, context.products));
    }
    await context.observe(observers);
    for (const observer of observers.values()) await observer.finish();
    await Promise.all(
      batch.map(async ({ request, operator }) => {
        const { gram } = observers.get(operator.input)!.moments[0];
        const { source, form } = request;
        const scheme = { bits: form.bits, damping, actOrder };
        const { workers, signal } = context;
        found.set(request, await packCompensated(source.tensor, form.layout, gram, scheme, workers, signal));
      }),
    );
  }
  return found;
}

function compensable(plans: Iterable<NodePlan>, model: Model): Compensable[] {
  const result: Compensable[] = [];
  const known = new Set<Value>();
  for (const { node, requests } of plans) {
    const [request] = requests;
    if (request.form.kind !== 'packed' || node.graph !== model.graph || known.has(request.source.value)) continue;
    const operator = linearOperator(node, model);
    if (operator === null || typeof operator === 'string' || !hasRows(operator)) continue;
    known.add(request.source.value);
    result.push({ request: request as WeightRequest<PackedForm>, operator });
  }
  return result;
}

function* batches(all: readonly Compensable[]): Iterable<Compensable[]> {
  let batch: Compensable[] = [];
  let bytes = 0;
  const seen = new Set<Value>();
  for (const candidate of all) {
    const { input, rowLength } = candidate.operator;
    const added = seen.has(input) ? 0 : 8 * rowLength ** 2;
    if (batch.length > 0 && bytes + added > mostMomentBytes) {
      yield batch;
      batch = [];
      bytes = 0;
      seen.clear();
    }
    bytes += seen.has(input) ? 0 : 8 * rowLength ** 2;
    seen.add(input);
    batch.push(candidate);
  }
  if (batch.length > 0) yield batch;
}
