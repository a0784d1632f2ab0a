// BatchNormalization in inference is y = a·x + b per channel; it disappears into the weights of the linear operator before it or, where
// no padding comes in between, behind it. So do Mul, Div, Add and Sub with a constant per channel behind a linear operator.
import { z } from 'zod';
import { inferProvenTypes } from '../../src/analysis/index.js';
import type { Engine } from '../../src/engine/index.js';
import type { Model, Node, TensorType, Value } from '../../src/ir/index.js';
import { definePass, selectionOptions } from '../../src/pass/index.js';
import { affineOfBatchNormalization, arithmeticMap } from './affine.js';
import { fuseIntoFollowing, linearBehind } from './fuse-into-following.js';
import { fuseIntoPreceding, whyNotPreceding } from './fuse-into-preceding.js';
import { linearBefore } from './linear-operator.js';

export const fuseBatchnorm = definePass({
  name: 'fuse-batchnorm',
  kind: 'cleanup',
  summary: 'Folds BatchNormalization into the weights of the neighbouring Conv, ConvTranspose, Gemm or MatMul.',
  options: z.strictObject(selectionOptions),
  needs: ['inference'],
  async run(model, _options, context) {
    const types = await inferTypes(model, context.engine);
    for (const node of context.targets('BatchNormalization', 'Mul', 'Div', 'Add', 'Sub')) {
      const outcome = node.is('BatchNormalization')
        ? fuseBatchNormalization(model, node, (value) => types.get(value) ?? null)
        : fuseArithmetic(model, node);
      if (outcome?.fused) context.record.changed(node, outcome.fused);
      else if (outcome?.skipped) context.record.skipped(node, outcome.skipped);
    }
  },
});

interface Outcome {
  readonly fused?: string;
  readonly skipped?: string;
}

function fuseBatchNormalization(model: Model, node: Node, typeOf: (value: Value) => TensorType | null): Outcome {
  const affine = affineOfBatchNormalization(node, model);
  if (typeof affine === 'string') return { skipped: affine };
  const before = linearBefore(node.input(0), model) ?? 'no linear operator comes before it';
  let obstacle = typeof before === 'string' ? before : whyNotPreceding(node, before, affine);
  if (typeof before !== 'string' && obstacle === null) {
    // BatchNormalization takes axis 1 for the channels; that is MatMul's last axis only where there are two.
    const isMatrix = before.outputRank !== null || typeOf(before.output)?.shape?.length === 2;
    if (isMatrix) {
      fuseIntoPreceding(model, node, before, affine);
      return { fused: `folded into ${before.node.opType} before it` };
    }
    obstacle = 'the output of MatMul is not known to have 2 axes';
  }
  const behind = linearBehind(node, affine, model, typeOf);
  if (typeof behind === 'string') return { skipped: `${obstacle}; ${behind}` };
  fuseIntoFollowing(model, node, behind, affine);
  return { fused: `folded into ${behind.node.opType} behind it` };
}

/** null for arithmetic that cannot be folded: BatchNormalization is what this pass is asked for. */
function fuseArithmetic(model: Model, node: Node): Outcome | null {
  const map = arithmeticMap(node, model);
  const linear = map && linearBefore(map.input, model);
  if (!map || !linear || typeof linear === 'string') return null;
  // What is added to a MatMul is its bias.
  if (linear.node.is('MatMul') && linear.biasSlot === null && node.is('Add', 'Sub')) return null;
  const affine = map.affine(linear.outputChannels, linear.channelAxis, linear.outputRank);
  if (typeof affine === 'string' || whyNotPreceding(node, linear, affine) !== null) return null;
  fuseIntoPreceding(model, node, linear, affine);
  return { fused: `folded into ${linear.node.opType} before it` };
}

/** Ranks decide only where BatchNormalization meets MatMul; nothing is inferred for other models. */
async function inferTypes(model: Model, engine: Engine): Promise<ReadonlyMap<Value, TensorType>> {
  const operators = new Set([...model.graph.allNodes()].map(({ qualifiedType }) => qualifiedType));
  const needed = operators.has('BatchNormalization') && operators.has('MatMul');
  return needed ? inferProvenTypes(model, engine) : new Map();
}
