// Replaces composite operators by what they consist of, so that their gradients follow from those of simple operators.
import type { Node, Value } from '../../ir/index.js';
import { byOperator } from '../../ops/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import { expandAttention } from './attention.js';
import { attentionOfOnnx, multiHeadAttention } from './attention-heads.js';
import { matMulBnb4, matMulNBits } from './block-products.js';
import { biasGelu, fusedConv, fusedMatMul, quickGelu } from './fused.js';
import { convInteger, matMulInteger } from './integer-products.js';
import {
  batchNormalization,
  groupNormalization,
  localResponseNormalization,
  lpNormalization,
  meanVarianceNormalization,
  rmsNormalization,
  skipLayerNormalization,
  skipRmsNormalization,
} from './normalization.js';
import { dynamicQuantizeLstm } from './quantized-lstm.js';
import { expandGru, expandLstm, expandRnn } from './recurrent.js';

/** The values that take the places of the outputs, null where one is not used; null altogether: the node stays. */
export type Expansion = (node: Node, builder: GraphBuilder) => readonly (Value | null)[] | null;

const expansions: Readonly<Record<string, Expansion>> = {
  MaxPool: withIndices,
  BatchNormalization: batchNormalization,
  LSTM: expandLstm,
  GRU: expandGru,
  RNN: expandRnn,
  GroupNormalization: groupNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponseNormalization,
  Attention: attentionOfOnnx,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  'com.microsoft::SkipLayerNormalization': skipLayerNormalization,
  'com.microsoft::SkipSimplifiedLayerNormalization': skipRmsNormalization,
  'com.microsoft::Attention': expandAttention,
  'com.microsoft::MultiHeadAttention': multiHeadAttention,
  'com.microsoft::Gelu': biasGelu,
  'com.microsoft::QuickGelu': quickGelu,
  'com.microsoft::FusedConv': fusedConv,
  'com.microsoft::BiasGelu': biasGelu,
  'com.microsoft::FastGelu': biasGelu,
  'com.microsoft::FusedMatMul': fusedMatMul,
  'com.microsoft::FusedGemm': fusedMatMul,
  'com.microsoft::DynamicQuantizeLSTM': dynamicQuantizeLstm,
  'com.microsoft::MatMulNBits': matMulNBits,
  'com.microsoft::MatMulBnb4': matMulBnb4,
  MatMulInteger: matMulInteger,
  ConvInteger: convInteger,
};

/** Whether an operator is written out at least in some of its forms. */
export function isComposite({ qualifiedType }: Node): boolean {
  return byOperator(expansions, qualifiedType) !== undefined;
}

/** New nodes come last: the graph has to be sorted afterwards. */
export function expandComposites(builder: GraphBuilder): void {
  const { graph } = builder;
  for (const node of [...graph.nodes()]) {
    const replacements = byOperator(expansions, node.qualifiedType)?.(node, builder);
    if (!replacements) continue;
    for (const [index, output] of node.outputs.entries()) {
      if (!output) continue;
      const replacement = replacements[index];
      if (replacement) output.replaceAllUsesWith(replacement);
    }
    if (node.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
}

/** A MaxPool that tells which elements it took. */
function withIndices(node: Node, builder: GraphBuilder): readonly (Value | null)[] | null {
  if (node.outputs[1] || node.attributes.int('storage_order', 0) !== 0) return null;
  const shape = builder.shapeOf(node.output);
  return builder.ops('MaxPool', node.inputs, [shape, shape], { attributes: node.attributes.toObject() });
}
