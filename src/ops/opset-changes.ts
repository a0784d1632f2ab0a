// Raising the version of ONNX's own operators that a model imports, where that leaves the meaning of every node as it is.
// From the operator changelog (onnx/docs/Changelog.md): between 7 and 11 most new versions only added types, optional inputs and
// negative axes. Those that changed more are listed here.

import type { Model, Node } from '../ir/index.js';
import { byOperator } from './by-operator.js';

interface OpsetChange {
  /** First version with the new meaning. */
  readonly version: number;
  /** Whether a node of the older version means something else, or is not allowed, in the new one; default: always. */
  readonly affects?: (node: Node) => boolean;
}

/** The oldest version that can be raised: before it, broadcasting was an attribute. */
const oldest = 7;
/** Up to here the table is complete. */
const newest = 11;

const changes: Readonly<Record<string, OpsetChange>> = {
  // `spatial` went; 1, its default, is the meaning that stayed.
  BatchNormalization: { version: 9, affects: (node) => node.attributes.int('spatial', 1) !== 1 },
  // Attributes became inputs.
  Clip: { version: 11 },
  Pad: { version: 11 },
  Slice: { version: 10 },
  TopK: { version: 10 },
  // The mask became bool.
  Dropout: { version: 10, affects: (node) => node.outputs[1]?.isUsed ?? false },
  // Other inputs, coordinates or indices.
  OneHot: { version: 11 },
  Resize: { version: 11 },
  Scan: { version: 9 },
  Scatter: { version: 11 },
  // Gone with version 10 or before; all but Upsample were experimental.
  ...Object.fromEntries(
    [
      'Upsample',
      'ATen',
      'Affine',
      'ConstantFill',
      'Crop',
      'DynamicSlice',
      'GRUUnit',
      'GivenTensorFill',
      'ImageScaler',
    ].map(gone),
  ),
  ...Object.fromEntries(['ParametricSoftplus', 'Scale', 'ScaledTanh'].map(gone)),
};

function gone(opType: string): [string, OpsetChange] {
  return [opType, { version: 10 }];
}

/** Why the model cannot use ONNX operators of `version` (at most 11); null when it does already or can be raised to it. */
export function whyNotRaised(model: Model, version: number): string | null {
  if (model.opset >= version) return null;
  if (version > newest) throw new RangeError(`changes up to opset ${newest} are known, not ${version}`);
  const from = `the model uses opset ${model.opset}`;
  if (model.opset < oldest) return `${from}, which cannot be raised to ${version}`;
  if (model.functions.length > 0) return `${from} and has local functions`;
  for (const node of model.graph.allNodes()) {
    const change = node.domain === '' ? byOperator(changes, node.opType) : undefined;
    if (!change || change.version <= model.opset || change.version > version) continue;
    if (change.affects?.(node) ?? true) {
      return `${from}, and ${node.opType} changed in opset ${change.version}`;
    }
  }
  return null;
}

/** Lets the model import `version` of ONNX's operators, if it imports an older one. @throws RangeError when it cannot be raised. */
export function raiseOpset(model: Model, version: number): void {
  if (model.opset >= version) return;
  const obstacle = whyNotRaised(model, version);
  if (obstacle !== null) throw new RangeError(obstacle);
  for (const node of model.graph.allNodes()) {
    if (node.is('BatchNormalization')) node.attributes.delete('spatial');
    const mask = node.is('Dropout') ? node.outputs[1] : null;
    if (mask) mask.type = null;
  }
  model.opsetImports.set('', version);
}
