// Integer products of the same quantized activations (query, key and value; gate and up) as one, of weights that are put side by side when the model
// is loaded, and a Split behind. What is stored stays as it is; a session has fewer and larger products to share among threads.
import { type Graph, intAttribute, intsAttribute, type Node, type Value } from '../../ir/index.js';
import { NodeInserter, replaceNode } from '../../rewrite/index.js';
import { int64Tensor } from '../../tensor/index.js';
import { emitScaledProduct } from './scaled-product.js';

/** MatMulInteger → Cast → Mul by both scales [→ Add]: see `emitScaledProduct`. */
export interface IntegerProduct {
  readonly product: Node;
  /** uint8 activations, their zero point, and their scale. */
  readonly activation: readonly [Value, Value, Value];
  /** Integers [K, N]; zero points [N] or none; scales [N]. */
  readonly weight: Value;
  readonly zeroPoint: Value | null;
  readonly scale: Value;
  /** [N], added to the result; null without. */
  readonly bias: Value | null;
  /** N. */
  readonly columns: number;
  /** The node that gives the result, the nodes before it, last first. */
  readonly nodes: readonly [Node, ...Node[]];
}

/** The product that `product`, a MatMulInteger, belongs to; null where it is of another form, or has one scale for all columns. */
export function integerProduct(product: Node): IntegerProduct | null {
  const [quantized, weight, activationZero, zeroPoint = null] = product.inputs;
  const cast = onlyUser(product);
  const scaled = cast?.is('Cast') ? onlyUser(cast) : null;
  const scales = scaled?.is('Mul') ? scaled.input(1)?.producer : null;
  if (!quantized || !weight || !activationZero || !cast || !scaled || !scales?.is('Mul')) return null;
  const [activationScale, scale] = scales.inputs;
  const columns = scale ? columnsOf(scale) : null;
  if (!activationScale || !scale || columns === null || (zeroPoint && columnsOf(zeroPoint) !== columns)) return null;
  if (scaled.input(0) !== cast.output || onlyUser(scales) !== scaled) return null;
  const activation = [quantized, activationZero, activationScale] as const;
  const add = onlyUser(scaled);
  const other = add?.is('Add') ? add.inputs.find((input) => input !== scaled.output) : null;
  const biased = other && add && columnsOf(other) === columns;
  const last: [Node, ...Node[]] = biased ? [add, scaled] : [scaled];
  const nodes: [Node, ...Node[]] = [...last, scales, cast, product];
  return { product, activation, weight, zeroPoint, scale, columns, bias: biased ? other : null, nodes };
}

/** One product in place of `products`, which share their activations, and have zero points all or none; results keep their names. @param opset of the model. */
export function joinProducts(products: readonly IntegerProduct[], opset: number): void {
  const [first] = products;
  const { graph } = first.product;
  if (!graph) return;
  const nodes = new NodeInserter(first.product, `${first.product.output.name}_joined`);
  const side = (values: readonly Value[], axis: number, suffix: string): Value =>
    nodes.add('Concat', values, suffix, { attributes: { axis: intAttribute(axis) } });
  const all = <T>(part: (product: IntegerProduct) => T | null): T[] | null => {
    const parts = products.map(part);
    return parts.every((each) => each !== null) ? (parts as T[]) : null;
  };
  const zeroPoints = all(({ zeroPoint }) => zeroPoint);
  const biases = all(({ bias }) => bias);
  const result = emitScaledProduct(nodes, {
    activation: first.activation,
    weight: side(
      products.map(({ weight }) => weight),
      1,
      'w',
    ),
    zeroPoint: zeroPoints && side(zeroPoints, 0, 'zero_point'),
    scale: side(
      products.map(({ scale }) => scale),
      0,
      'scale',
    ),
    bias: biases && side(biases, 0, 'bias'),
    name: first.product.name,
  });
  const lengths = products.map(({ columns }) => columns);
  const byInput = opset >= 13;
  const split = nodes.addNode(
    'Split',
    byInput
      ? [result, graph.addInitializer(`${result.name}_lengths`, int64Tensor([lengths.length], lengths))]
      : [result],
    products.map((_, index) => `part${index}`),
    { attributes: { axis: intAttribute(-1), ...(!byInput && { split: intsAttribute(lengths) }) } },
  );
  for (const [index, { nodes: chain, bias }] of products.entries()) {
    const replaced = bias && !biases ? chain[1] : chain[0];
    const rest = chain.slice(chain.indexOf(replaced) + 1);
    replaceNode(replaced, split.outputs[index]);
    for (const node of rest) graph.remove(node);
  }
}

/** Undoes `joinProducts` in `graph`: for what sees each weight by itself. */
export function separateProducts(graph: Graph): void {
  for (const product of [...graph.nodes()].filter((node) => node.is('MatMulInteger'))) {
    const joined = product.input(1)?.producer;
    const chain = joined?.is('Concat') ? joinedChain(product) : null;
    if (!joined || !chain) continue;
    const { split, scales, zeroPoints, biases, activation, nodes: old } = chain;
    const nodes = new NodeInserter(split, product.output.name);
    const results = joined.inputs.map((weight, index) =>
      emitScaledProduct(nodes, {
        activation,
        weight: weight!,
        zeroPoint: zeroPoints?.input(index) ?? null,
        scale: scales.input(index)!,
        bias: biases?.input(index) ?? null,
        name: index === 0 ? product.name : '',
      }),
    );
    replaceNode(split, ...results);
    const parts = [...old, joined, scales, zeroPoints, biases];
    for (const node of parts) if (node?.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
}

function joinedChain(product: Node) {
  const cast = onlyUser(product);
  const scaled = cast && onlyUser(cast);
  const both = scaled?.is('Mul') ? scaled.input(1)?.producer : null;
  const scales = both?.input(1)?.producer;
  const [quantized, , zero, weightZero] = product.inputs;
  const activationScale = both?.input(0);
  const zeroPoints = weightZero?.producer ?? null;
  if (!cast || !scaled || !both || !scales?.is('Concat') || !quantized || !zero || !activationScale) return null;
  if (weightZero && !zeroPoints?.is('Concat')) return null;
  const next = onlyUser(scaled);
  const add = next?.is('Add') ? next : null;
  const split = add ? onlyUser(add) : next;
  const biases = add?.input(1)?.producer ?? null;
  if (!split?.is('Split') || split.outputs.length !== scales.inputs.length || (add && !biases?.is('Concat')))
    return null;
  const nodes = [...(add ? [add] : []), scaled, both, cast, product];
  return { split, scales, zeroPoints, biases, activation: [quantized, zero, activationScale] as const, nodes };
}

/** N of an initializer [N]. */
function columnsOf({ constant }: Value): number | null {
  return constant?.shape.length === 1 ? constant.shape[0] : null;
}

function onlyUser(node: Node): Node | null {
  const [use, ...others] = node.output.uses;
  return use && others.length === 0 && !node.output.isGraphOutput && use.node.graph === node.graph ? use.node : null;
}
