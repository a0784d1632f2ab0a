// Which outputs an operator lets a model leave out (from the operator schemas of ONNX and of onnxruntime's own domain).

import type { Node } from '../../src/ir/index.js';
import { byOperator } from '../../src/ops/index.js';

const optional: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2, 3, 4],
  Dropout: [1],
  GRU: [0, 1],
  LSTM: [0, 1, 2],
  LayerNormalization: [1, 2],
  MaxPool: [1],
  RNN: [0, 1],
  Unique: [1, 2, 3],
  'com.microsoft::EmbedLayerNormalization': [2],
  'com.microsoft::SkipLayerNormalization': [1, 2, 3],
  'com.microsoft::SkipSimplifiedLayerNormalization': [1, 2, 3],
};

export function optionalOutputs(node: Node): readonly number[] {
  return byOperator(optional, node.qualifiedType) ?? [];
}
