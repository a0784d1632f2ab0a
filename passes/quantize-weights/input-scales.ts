// Where the scales of AWQ go: what divides the inputs of matrix products by them is folded into the norm in front, or into the product that a gate
// multiplies (SwiGLU); elsewhere a Mul does it in every run.
import type { Node, Value } from '../../src/ir/index.js';
import { constantSource } from '../../src/ops/index.js';
import { NodeInserter } from '../../src/rewrite/index.js';
import { castTensor, MemoryTensor } from '../../src/tensor/index.js';

/** Divides an input by scales [K]. */
export type ScalePlace =
  /** Constants [K] of nodes, each to be divided. */
  | { readonly kind: 'constants'; readonly inputs: readonly { readonly node: Node; readonly index: number }[] }
  /** A product whose output channels are to be divided, in the scales of its weight. */
  | { readonly kind: 'product'; readonly node: Node }
  /** Nodes that take the input through a Mul. */
  | { readonly kind: 'multiply'; readonly input: Value; readonly nodes: readonly Node[] };

/** @param nodes that share `input`, of `k` channels. @param isScalable whether scales of the weight of a product can be divided. */
export function scalePlace(
  input: Value,
  nodes: readonly Node[],
  k: number,
  isScalable: (node: Node) => boolean,
): ScalePlace {
  return folded(input, nodes, k, isScalable) ?? { kind: 'multiply', input, nodes };
}

function folded(
  input: Value,
  nodes: readonly Node[],
  k: number,
  isScalable: (node: Node) => boolean,
): ScalePlace | null {
  const { producer } = input;
  if (!producer || producer.graph !== nodes[0].graph || !usedOnlyBy(input, nodes)) return null;
  const constantAt = (node: Node, index: number): boolean => {
    const source = constantSource(node.input(index));
    return source !== null && source.shape.length === 1 && source.shape[0] === k;
  };
  if (producer.is('LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization')) {
    const indices = producer.input(2) ? [1, 2] : [1];
    const isPlain = producer.attributes.int('axis', -1) === -1 && indices.every((index) => constantAt(producer, index));
    return isPlain ? { kind: 'constants', inputs: indices.map((index) => ({ node: producer, index })) } : null;
  }
  // A norm written out: · γ, + β.
  const shift = producer.is('Add') ? [0, 1].find((index) => constantAt(producer, index)) : undefined;
  const before = shift === undefined ? input : producer.input(1 - shift);
  const product = before?.producer;
  if (!before || !product?.is('Mul') || (before !== input && !usedOnlyBy(before, [producer]))) return null;
  const factor = [0, 1].find((index) => constantAt(product, index));
  if (factor !== undefined) {
    const inputs = [{ node: product, index: factor }];
    return { kind: 'constants', inputs: shift === undefined ? inputs : [...inputs, { node: producer, index: shift }] };
  }
  if (shift !== undefined) return null;
  for (const operand of product.inputs) {
    const linear = operand?.producer;
    if (operand && linear?.is('MatMul') && usedOnlyBy(operand, [product]) && isScalable(linear)) {
      return { kind: 'product', node: linear };
    }
  }
  return null;
}

function usedOnlyBy(value: Value, nodes: readonly Node[]): boolean {
  return !value.isGraphOutput && [...value.uses].every(({ node }) => nodes.includes(node));
}

/** Edits the graph; for products, `divideWeight` does. */
export function divideInput(
  place: ScalePlace,
  scales: Float32Array,
  divideWeight: (node: Node, divisors: Float32Array) => void,
): void {
  if (place.kind === 'product') {
    divideWeight(place.node, scales);
    return;
  }
  if (place.kind === 'constants') {
    for (const { node, index } of place.inputs) {
      const { tensor, dataType } = constantSource(node.input(index))!;
      const values = tensor.readFloat32().map((value, channel) => value / scales[channel]);
      const divided = castTensor(new MemoryTensor('float32', [values.length], values), dataType);
      node.replaceInput(index, node.graph!.addInitializer(`${node.input(index)!.name}_scaled`, divided));
    }
    return;
  }
  const { input, nodes } = place;
  const [first] = nodes;
  const inserter = new NodeInserter(first, input.name);
  const dataType = input.type?.kind === 'tensor' ? input.type.dataType : 'float32';
  const reciprocals = new MemoryTensor(
    'float32',
    [scales.length],
    scales.map((scale) => 1 / scale),
  );
  const factors = inserter.graph.addInitializer(`${input.name}_channel_scales`, castTensor(reciprocals, dataType));
  const divided = inserter.add('Mul', [input, factors], 'channel_scaled');
  for (const node of nodes) node.replaceInput(0, divided);
}
