// Raising the version of ONNX's own operators that a model imports, where that leaves the meaning of every node as it is.
// From the operator changelog (onnx/docs/Changelog.md): most new versions only added types, optional inputs, attributes with the old
// meaning as their default, and negative axes. Those that changed more are listed here.

import type { Model, Node } from '../ir/index.js';
import { byOperator } from './by-operator.js';
import {
  axisToInput,
  countToInput,
  dropRatio,
  dropStatistics,
  flattenAround,
  growsBy,
  isFloat32,
  keepOutputHalfPixel,
  limitsToInputs,
  listToInput,
  nameParts,
  paddingToInputs,
  renameGridMode,
  resizeByCoordinates,
  sliceByInputs,
} from './opset-conversions.js';

interface OpsetChange {
  /** First version with the new meaning. */
  readonly version: number;
  /** Whether a node of the older version means something else, or is not allowed, in the new one; default: always. */
  readonly affects?: (node: Node) => boolean;
  /** Writes such a node as one of the new version; without it, the node stands in the way. */
  readonly convert?: (node: Node, version: number) => void;
}

/** The oldest version that can be raised: before it, broadcasting was an attribute. */
const oldest = 7;
/** Up to here the table is complete. */
const newest = 24;

const changes: Readonly<Record<string, readonly OpsetChange[]>> = {
  BatchNormalization: [
    // 1, the default of `spatial`, is the meaning that stayed.
    {
      version: 9,
      affects: (node) => node.attributes.int('spatial', 1) !== 1,
    },
    { version: 14, affects: (node) => usesOutputsFrom(node, 1) },
    { version: 14, affects: (node) => node.outputs.length > 1, convert: dropStatistics },
  ],
  // Attributes became inputs.
  Clip: [
    { version: 11, affects: (node) => hasLimits(node) && !isFloat32(node) },
    { version: 11, convert: limitsToInputs },
  ],
  Pad: [
    { version: 11, affects: (node) => node.attributes.float('value', 0) !== 0 && !isFloat32(node) },
    { version: 11, convert: paddingToInputs },
  ],
  Slice: [{ version: 10, convert: sliceByInputs }],
  TopK: [{ version: 10, convert: countToInput }],
  Squeeze: [{ version: 13, convert: listToInput('axes', 1) }],
  Unsqueeze: [{ version: 13, convert: listToInput('axes', 1) }],
  ReduceSum: [{ version: 13, convert: listToInput('axes', 1) }],
  Split: [
    { version: 13, convert: listToInput('split', 1) },
    { version: 18, convert: nameParts },
  ],
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((kind) => [
      `Reduce${kind}`,
      [{ version: 18, convert: listToInput('axes', 1) }],
    ]),
  ),
  DFT: [{ version: 20, convert: axisToInput }],
  // From a matrix to one axis.
  Softmax: [{ version: 13, convert: flattenAround }],
  LogSoftmax: [{ version: 13, convert: flattenAround }],
  Hardmax: [{ version: 13, convert: flattenAround }],
  Dropout: [
    // The mask became bool.
    { version: 10, affects: (node) => usesOutputsFrom(node, 1) },
    { version: 12, convert: dropRatio },
  ],
  // Other inputs, coordinates or indices.
  OneHot: [{ version: 11 }],
  Upsample: [
    { version: 10, affects: (node) => growsBy(node) === null },
    { version: 10, convert: resizeByCoordinates },
  ],
  Resize: [
    { version: 11, affects: (node) => growsBy(node) === null },
    { version: 11, convert: resizeByCoordinates },
    {
      version: 13,
      affects: (node) =>
        node.attributes.string('coordinate_transformation_mode', 'half_pixel') === 'tf_half_pixel_for_nn',
    },
  ],
  RoiAlign: [{ version: 16, convert: keepOutputHalfPixel }],
  GridSample: [{ version: 20, convert: renameGridMode }],
  // Scale and bias for channels, not groups.
  GroupNormalization: [{ version: 21 }],
  Scan: [{ version: 9 }],
  Scatter: [{ version: 11 }],
  // Experimental, gone with version 10 or before.
  ...Object.fromEntries(
    [
      'ATen',
      'Affine',
      'ConstantFill',
      'Crop',
      'DynamicSlice',
      'GRUUnit',
      'GivenTensorFill',
      'ImageScaler',
      'ParametricSoftplus',
      'Scale',
      'ScaledTanh',
    ].map((opType) => [opType, [{ version: 10 }]]),
  ),
};

function hasLimits({ attributes }: Node): boolean {
  return ['min', 'max'].some((name) => attributes.get(name) !== undefined);
}

function usesOutputsFrom(node: Node, first: number): boolean {
  return node.outputs.slice(first).some((output) => output?.isUsed);
}

/** Why the model cannot use ONNX operators of `version` (at most 24); null when it does already or can be raised to it. */
export function whyNotRaised(model: Model, version: number): string | null {
  if (model.opset >= version) return null;
  if (version > newest) throw new RangeError(`changes up to opset ${newest} are known, not ${version}`);
  const from = `the model uses opset ${model.opset}`;
  if (model.opset < oldest) return `${from}, which cannot be raised to ${version}`;
  if (model.functions.length > 0) return `${from} and has local functions`;
  for (const node of model.graph.allNodes()) {
    const obstacle = changesOf(node, model.opset, version).find(({ convert }) => !convert);
    if (obstacle) return `${from}, and ${node.opType} changed in opset ${obstacle.version}`;
  }
  return null;
}

/** The changes between two versions that a node feels, in order. */
function changesOf(node: Node, from: number, to: number): OpsetChange[] {
  const known = node.domain === '' ? (byOperator(changes, node.opType) ?? []) : [];
  return known.filter(({ version, affects }) => version > from && version <= to && (affects?.(node) ?? true));
}

/** Lets the model import `version` of ONNX's operators, if it imports an older one. @throws RangeError when it cannot be raised. */
export function raiseOpset(model: Model, version: number): void {
  const { opset } = model;
  if (opset >= version) return;
  const obstacle = whyNotRaised(model, version);
  if (obstacle !== null) throw new RangeError(obstacle);
  for (const node of [...model.graph.allNodes()]) {
    if (node.is('BatchNormalization')) node.attributes.delete('spatial');
    const mask = node.is('Dropout') ? node.outputs[1] : null;
    if (mask) mask.type = null;
    for (const { convert } of changesOf(node, opset, version)) convert?.(node, version);
  }
  model.opsetImports.set('', version);
  raiseIrVersion(model, version);
}

/** Types of 4 bits came with IR version 10, together with opset 21. */
function raiseIrVersion(model: Model, version: number): void {
  if (version < 21 || model.irVersion >= 10) return;
  // Before IR version 4 initializers had to be inputs too; since then that makes them replaceable.
  if (model.irVersion < 4) {
    for (const input of [...model.graph.inputs]) if (input.isInitializer) model.graph.removeInput(input);
  }
  model.irVersion = 10;
}
