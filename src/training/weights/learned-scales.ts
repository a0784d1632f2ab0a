// Scales of a quantized model that training may move (LSQ, Esser et al. 2020): those of one weight each, and those of activations that nothing but a pair
// of QuantizeLinear and DequantizeLinear reads. The scale of a bias in INT32 is the product of the two others, and follows them.
import type { Node, Value } from '../../ir/index.js';

/** Operators that runtimes compute in integers only where the scales before and behind are equal. */
const carriers: ReadonlySet<string> = new Set([
  'MaxPool',
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Resize',
  'Slice',
  'Split',
  'Gather',
  'Pad',
  'Expand',
  'Tile',
  'Identity',
  'DepthToSpace',
  'SpaceToDepth',
]);

/** The scale of one weight: what decodes it and nothing else reads it. */
export function isScaleOfOne({ uses, isInitializer, isGraphOutput, constant }: Value): boolean {
  return isInitializer && !isGraphOutput && uses.size === 1 && constant?.dataType === 'float32';
}

/** Whether `value` is the one scale of activations only, of which no other has to be the same. */
export function isScaleOfActivations(value: Value): boolean {
  const { uses, isInitializer, isGraphOutput, constant } = value;
  if (!isInitializer || isGraphOutput || constant?.dataType !== 'float32' || constant.size !== 1) return false;
  const nodes = [...uses].map(({ node, index }) =>
    index === 1 && node.is('QuantizeLinear', 'DequantizeLinear') ? node : null,
  );
  if (!nodes.some((node) => node?.is('QuantizeLinear'))) return false;
  return nodes.every((node) => {
    if (!node) return false;
    if (node.is('QuantizeLinear')) return !isCarried(node.input(0));
    return node.input(0)?.producer?.is('QuantizeLinear') === true && ![...node.output.uses].some(isCarriedOn);
  });
}

function isCarried(value: Value | null): boolean {
  return value?.producer != null && carriers.has(value.producer.qualifiedType);
}

/** Into a node that hands elements on, to be quantized again. */
function isCarriedOn({ node }: { readonly node: Node }): boolean {
  if (!carriers.has(node.qualifiedType)) return false;
  return node.outputs.some((output) => [...(output?.uses ?? [])].some((use) => use.node.is('QuantizeLinear')));
}

/** Scales of the activation and of the weight that the bias behind this DequantizeLinear is added to the product of; null where it is no such bias. */
export function scalesOfProduct({ output }: Node): { readonly activation: Value; readonly weight: Value } | null {
  if (output.uses.size !== 1) return null;
  const [{ node, index }] = output.uses;
  if (index !== 2 || !node.is('Conv', 'Gemm')) return null;
  const [activation, weight] = [0, 1].map((operand) => {
    const source = node.input(operand)?.producer;
    return source?.is('DequantizeLinear') ? source.input(1) : null;
  });
  return activation?.constant?.size === 1 && weight?.constant ? { activation, weight } : null;
}
