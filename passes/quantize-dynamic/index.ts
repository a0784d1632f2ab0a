// Dynamic quantization: weights become eight-bit integers; activations are quantized while the model runs, where integer arithmetic
// is faster. No data is needed.
import type { Model, Node, Value } from '../../src/ir/index.js';
import { raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { definePass, nodeLabel, type PassContext, type Protection } from '../../src/pass/index.js';
import {
  DynamicActivations,
  findUncovered,
  type QuantizationParameters,
  type QuantizedWeight,
} from '../../src/quantization/index.js';
import { initializerOwners, ownerOf, removeUnusedConstant } from '../../src/rewrite/index.js';
import { planAttention } from './attention.js';
import { planConvolution } from './convolution.js';
import { isTableLookup, planEmbedding } from './embedding.js';
import { planLinear } from './linear.js';
import { planLstm } from './lstm.js';
import { type Options, options } from './options.js';
import type { EditContext, NodePlan, PlanContext, Planned, WeightRequest } from './plan.js';
import { planStoredRecurrent } from './stored.js';
import { chooseTwice } from './twice.js';
import { groupRequests, measureWeight, storeWeight, type WeightGroup } from './weights.js';

type Groups = ReadonlyMap<WeightRequest, WeightGroup>;
type Measured = ReadonlyMap<WeightGroup, QuantizationParameters | string>;

export const quantizeDynamic = definePass({
  name: 'quantize-dynamic',
  kind: 'quantize',
  summary: 'Stores weights as 8-bit integers and multiplies integers where that is faster; needs no data.',
  options,
  needs: [],
  async run(model, options, context) {
    const plans = planNodes(model, options, context);
    dropUncovered(plans, context);
    const groups = groupRequests(plans.values(), options);
    const measured = await measureWeights(groups, context);
    dropUnmeasured(plans, groups, measured, context);
    dropUncovered(plans, context);
    applyPlans(model, plans, groups, measured, { ...context, twice: chooseTwice(plans, options.activations) });
  },
});

function planNodes(
  model: Model,
  options: Options,
  { targets, record, target, protectionOf }: PassContext,
): Map<Node, NodePlan> {
  const plans = new Map<Node, NodePlan>();
  const context: PlanContext = {
    options,
    integerObstacle: whyNotRaised(model, integerOpset),
    onnxOnly: target.runtime === 'generic',
  };
  for (const node of targets(...options.operators)) {
    if (!isTableLookup(node)) continue;
    const planned =
      node.graph?.scope === model.graph.scope
        ? planProtected(node, protectionOf(node), context)
        : 'it belongs to a local function';
    if (typeof planned === 'string') record.skipped(node, planned);
    else plans.set(node, planned);
  }
  return plans;
}

/** The opset that brought DynamicQuantizeLinear. */
const integerOpset = 11;

function planProtected(node: Node, protection: Protection | null, context: PlanContext): Planned {
  if (protection === 'weights') return 'outputs depend too much on the digits of its weights';
  const inFloat = { ...context, options: { ...context.options, compute: 'float' as const } };
  return planNode(node, protection === 'activations' ? inFloat : context);
}

function planNode(node: Node, context: PlanContext): Planned {
  const planned = planOperator(node, context);
  return typeof planned !== 'string' && wouldGrow(planned) ? 'it would not become smaller' : planned;
}

function planOperator(node: Node, context: PlanContext): Planned {
  switch (node.qualifiedType) {
    case 'MatMul':
    case 'Gemm':
      return planLinear(node, context);
    case 'Gather':
      return planEmbedding(node, context);
    case 'Conv':
    case 'ConvTranspose':
      return planConvolution(node, context);
    case 'LSTM':
      return planLstm(node, context);
    case 'com.microsoft::Attention':
      return planAttention(node, context);
    default:
      return planStoredRecurrent(node, context);
  }
}

/** Bytes that the nodes around a quantized weight take, with their names: about what BERT's and ResNet's do. */
const nodeBytes = 300;

function wouldGrow({ requests }: NodePlan): boolean {
  const saved = requests.reduce(
    (sum, { source: { tensor }, layout }) => sum + tensor.byteLength - tensor.size - 4 * layout.channels,
    0,
  );
  return saved <= nodeBytes;
}

function dropUncovered(plans: Map<Node, NodePlan>, { record }: PassContext): void {
  for (const [{ node }, reason] of findUncovered(plans.values())) {
    plans.delete(node);
    record.skipped(node, reason);
  }
}

async function measureWeights(groups: Groups, { workers, signal }: PassContext): Promise<Measured> {
  const distinct = [...new Set(groups.values())];
  const measured = await Promise.all(distinct.map((group) => measureWeight(group, workers, signal)));
  return new Map(distinct.map((group, index) => [group, measured[index]]));
}

function dropUnmeasured(plans: Map<Node, NodePlan>, groups: Groups, measured: Measured, { record }: PassContext): void {
  for (const { node, requests } of [...plans.values()]) {
    const reason = requests.map((request) => measured.get(groups.get(request)!)!).find((m) => typeof m === 'string');
    if (reason === undefined) continue;
    plans.delete(node);
    record.skipped(node, reason);
  }
}

function applyPlans(
  model: Model,
  plans: ReadonlyMap<Node, NodePlan>,
  groups: Groups,
  measured: Measured,
  { record, twice }: PassContext & Pick<EditContext, 'twice'>,
): void {
  const owners = initializerOwners(model);
  const stored = new Map<WeightGroup, QuantizedWeight>();
  const weightOf = (request: WeightRequest): QuantizedWeight => {
    const group = groups.get(request)!;
    let weight = stored.get(group);
    if (!weight) {
      const owner = ownerOf(request.source.value, owners);
      weight = storeWeight(group, measured.get(group) as QuantizationParameters, owner);
      stored.set(group, weight);
    }
    return weight;
  };
  const edit = { twice, activations: new DynamicActivations(), restored: new Map<QuantizedWeight, Value>() };
  for (const plan of plans.values()) {
    if (plan.opset) raiseOpset(model, plan.opset);
    for (const domain of plan.domains ?? []) if (!model.opsetImports.has(domain)) model.opsetImports.set(domain, 1);
    // The node goes, and with it what an unnamed one is called by.
    const label = nodeLabel(plan.node);
    record.changed(label, plan.apply(plan.requests.map(weightOf), edit));
  }
  for (const { requests } of plans.values())
    for (const request of requests) removeUnusedConstant(request.source, owners);
}
