// Weights in less than 8 bits, decoded by onnxruntime once, when the model is loaded, and multiplied as INT8. No data is needed.
import type { Model, Node, Value } from '../../src/ir/index.js';
import { constantSource, raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import {
  addPackedWeight,
  DynamicActivations,
  findUncovered,
  type PackedParameters,
  packedOpset,
  packWeight,
  type QuantizedWeight,
} from '../../src/quantization/index.js';
import { initializerOwners, ownerOf, removeUnusedConstant } from '../../src/rewrite/index.js';
import { isTableLookup, planEmbedding } from './embedding.js';
import { planLinear } from './linear.js';
import { type Options, options } from './options.js';
import type { NodePlan, PlanContext, WeightRequest } from './plan.js';

type Plans = Map<Node, NodePlan>;
/** By `groupKey`: requests of the same key share one stored weight. */
type Measured = ReadonlyMap<string, PackedParameters | string>;

export const quantizeWeights = definePass({
  name: 'quantize-weights',
  kind: 'quantize',
  summary:
    'Stores weights in 4 bits, decoded when the model is loaded and multiplied as 8-bit integers; needs no data.',
  options,
  needs: [],
  async run(model, options, context) {
    const plans = planNodes(model, options, context);
    dropUncovered(plans, context);
    const measured = await measureWeights(plans, options, context);
    dropUnmeasured(plans, measured, context);
    dropUncovered(plans, context);
    if (plans.size > 0) applyPlans(model, plans, measured, context);
  },
});

function planNodes(model: Model, options: Options, { targets, record }: PassContext): Plans {
  const plans: Plans = new Map();
  const obstacle = whyNotRaised(model, packedOpset);
  const context: PlanContext = { options, tables: findTables(model) };
  for (const node of targets(...options.operators)) {
    if (node.is('Gather') && !isTableLookup(node)) continue;
    const planned =
      node.graph?.scope !== model.graph.scope
        ? 'it belongs to a local function'
        : (obstacle ?? (node.is('Gather') ? planEmbedding : planLinear)(node, context));
    if (typeof planned === 'string') record.skipped(node, planned);
    else plans.set(node, planned);
  }
  return plans;
}

/** The constants that Gathers take rows from. */
function findTables(model: Model): ReadonlySet<Value> {
  const tables = new Set<Value>();
  for (const node of model.graph.allNodes()) {
    const source = isTableLookup(node) ? constantSource(node.input(0)) : null;
    if (source) tables.add(source.value);
  }
  return tables;
}

function dropUncovered(plans: Plans, { record }: PassContext): void {
  for (const [{ node }, reason] of findUncovered(plans.values())) {
    plans.delete(node);
    record.skipped(node, reason);
  }
}

/** Names the stored form of a weight. */
function groupKey({ source, layout }: WeightRequest): string {
  return `${source.value.name} ${layout.outer} ${layout.k} ${layout.inner}`;
}

async function measureWeights(
  plans: Plans,
  { bits, algorithm }: Options,
  { workers, signal }: PassContext,
): Promise<Measured> {
  const search = algorithm === 'rtn' ? 'rtn' : 'mse';
  const measured = new Map<string, Promise<PackedParameters | string>>();
  for (const { requests } of plans.values()) {
    const [request] = requests;
    const key = groupKey(request);
    if (measured.has(key)) continue;
    measured.set(key, packWeight(request.source.tensor, request.layout, { bits, search }, workers, signal));
  }
  return new Map(await Promise.all([...measured].map(async ([key, found]) => [key, await found] as const)));
}

function dropUnmeasured(plans: Plans, measured: Measured, { record }: PassContext): void {
  for (const { node, requests } of [...plans.values()]) {
    const found = measured.get(groupKey(requests[0]));
    if (typeof found !== 'string') continue;
    plans.delete(node);
    record.skipped(node, found);
  }
}

function applyPlans(model: Model, plans: Plans, measured: Measured, { record }: PassContext): void {
  raiseOpset(model, packedOpset);
  const owners = initializerOwners(model);
  const stored = new Map<string, QuantizedWeight>();
  const weightOf = (request: WeightRequest): QuantizedWeight => {
    const { source, layout } = request;
    const key = groupKey(request);
    let weight = stored.get(key);
    if (!weight) {
      const owner = ownerOf(source.value, owners);
      const parameters = measured.get(key) as PackedParameters;
      weight = addPackedWeight(owner, source.value.name, source.tensor, layout, parameters);
      stored.set(key, weight);
    }
    return weight;
  };
  const edit = { activations: new DynamicActivations(), restored: new Map<QuantizedWeight, Value>() };
  for (const plan of plans.values()) record.changed(plan.node, plan.apply(weightOf(plan.requests[0]), edit));
  for (const { requests } of plans.values()) removeUnusedConstant(requests[0].source, owners);
}
