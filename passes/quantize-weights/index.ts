// Weights in less than 8 bits: decoded by onnxruntime once, when the model is loaded, and multiplied as INT8; or in the formats of kernels that
// decode them in every run. No data is needed; with data, errors of rounding are made up for.
import { usageError } from '../../src/errors.js';
import type { Model, Node, Value } from '../../src/ir/index.js';
import { constantSource, raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { definePass, nodeLabel, type PassContext, Selection } from '../../src/pass/index.js';
import { DynamicActivations, findUncovered } from '../../src/quantization/index.js';
import { initializerOwners, removeUnusedConstant } from '../../src/rewrite/index.js';
import { planConvolution } from './convolution.js';
import { isTableLookup, planEmbedding } from './embedding.js';
import { planLinear } from './linear.js';
import { options, type Settings, settingsOf, widerThan } from './options.js';
import type { EditContext, NodePlan, PlanContext } from './plan.js';
import { recordSensitivity } from './sensitivity.js';
import { StoredWeights } from './weights.js';

type Plans = Map<Node, NodePlan>;

export const quantizeWeights = definePass({
  name: 'quantize-weights',
  kind: 'quantize',
  summary: 'Stores weights in 4 bits, decoded when the model is loaded and multiplied as 8-bit integers; data helps.',
  options,
  needs: [],
  requires(_model, { bits, compute, floatZeroPoints, algorithm, codebook, blockSize, fisher, sequential }) {
    if (fisher && !sequential)
      throw usageError('fisher is for weights that are rounded in order', 'Leave sequential as it is.');
    if (blockSize === 0 && compute !== 'dequantize') {
      throw usageError('a scale for a whole channel is for compute dequantize', 'Give a --block-size of 16 to 256.');
    }
    if (codebook && (bits !== 2 || ['nbits', 'dequantize', 'bnb4'].includes(compute))) {
      throw usageError(
        'codebooks are for 2 bits with compute int8 or float32',
        'Give --bits 2, and no other --compute.',
      );
    }
    if (floatZeroPoints && (algorithm !== 'hqq' || compute !== 'nbits')) {
      throw usageError(
        'zero points that are floats are for algorithm hqq with compute nbits',
        'Only MatMulNBits takes them.',
      );
    }
    if (compute === 'bnb4' && bits !== 4) throw usageError(`${bits} bits are not for compute bnb4`, 'It has 4.');
    if (bits === 1.6 && compute !== 'int8' && compute !== 'float32' && compute !== 'auto') {
      throw usageError(`${bits} bits are not for compute ${compute}`, 'int8 and float32 store them.');
    }
    if (bits === 2 && compute === 'dequantize') {
      throw usageError(
        `${bits} bits are not for compute ${compute}`,
        'DequantizeLinear takes 4 and 8 bits; nbits, int8 and float32 store 2.',
      );
    }
  },
  async run(model, given, context) {
    const options = settingsOf(given, takesCache(model));
    const plans = planNodes(model, options, context);
    dropUncovered(plans, context);
    if (options.sensitivity) await recordSensitivity(model, plans.values(), context);
    const weights = new StoredWeights();
    await weights.find([...plans.values()], model, options, context);
    for (const { node, requests } of [...plans.values()]) {
      const reason = weights.reasonAgainst(requests[0]);
      if (reason !== null) drop(node, reason, plans, context);
    }
    dropUncovered(plans, context);
    applyPlans(model, plans, weights, context);
  },
});

/** Whether what was computed of earlier tokens comes in and goes out: so are decoders exported that compute one token at a time. */
function takesCache({ graph }: Model): boolean {
  const cached = (values: Iterable<Value>): boolean => [...values].some(({ name }) => /past|present|cache/i.test(name));
  return cached(graph.inputs) && cached(graph.outputs);
}

function planNodes(model: Model, options: Settings, { targets, record }: PassContext): Plans {
  const plans: Plans = new Map();
  const context: PlanContext = {
    options,
    tables: findTables(model),
    obstacleTo: (opset) =>
      opset > model.opset && opset > (options.highestOpset ?? opset)
        ? `it needs opset ${opset}, above ${options.highestOpset}`
        : whyNotRaised(model, opset),
  };
  const wide = new Selection(options.wide, []);
  wide.check(model.allNodes());
  const wideContext = { ...context, options: { ...options, bits: widerThan(options.bits) } };
  for (const node of targets(...options.operators)) {
    if (node.is('Gather') && !isTableLookup(node)) continue;
    const planned =
      node.graph?.scope !== model.graph.scope
        ? 'it belongs to a local function'
        : node.is('Gather')
          ? planEmbedding(node, context)
          : node.is('Conv')
            ? planConvolution(node, options.wide.length > 0 && wide.includes(node) ? wideContext : context)
            : planLinear(node, options.wide.length > 0 && wide.includes(node) ? wideContext : context);
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

function dropUncovered(plans: Plans, context: PassContext): void {
  for (const [{ node }, reason] of findUncovered(plans.values())) drop(node, reason, plans, context);
}

function drop(node: Node, reason: string, plans: Plans, { record }: PassContext): void {
  plans.delete(node);
  record.skipped(node, reason);
}

function applyPlans(model: Model, plans: Plans, weights: StoredWeights, { record }: PassContext): void {
  weights.divideInputs(plans.values());
  const owners = initializerOwners(model);
  const edit: EditContext = {
    activations: new DynamicActivations(),
    restored: new Map(),
    dequantized: new Map(),
    packed: (request) => weights.packed(request, owners),
    blocks: (request) => weights.blocks(request, owners),
  };
  for (const plan of plans.values()) {
    raiseOpset(model, plan.opset);
    if (plan.requests[0].form.kind === 'channels') model.opsetImports.set('com.microsoft', 1);
    // The node goes, and with it what an unnamed one is called by.
    const label = nodeLabel(plan.node);
    const rounding = weights.roundingOf(plan.requests[0]);
    const done = plan.apply(edit);
    record.changed(label, rounding === null ? done : `${done} (${rounding})`);
  }
  for (const { requests } of plans.values()) removeUnusedConstant(requests[0].source, owners);
}
