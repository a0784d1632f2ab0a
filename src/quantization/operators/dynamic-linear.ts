// An integer matrix product with a quantized weight: DynamicQuantizeLinear → MatMulInteger → Cast → Mul [→ Add]. Where precision is worth a
// second product, what the first quantization of the activations lost is multiplied with the same weight, and added.
import { intsAttribute, type Node, type Value } from '../../ir/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import type { DataType } from '../../tensor/index.js';
import type { QuantizedWeight } from '../weights/quantized-weight.js';
import type { DynamicActivations, QuantizedActivation } from './dynamic-activations.js';
import { emitScaledProduct } from './scaled-product.js';

export interface DynamicLinear {
  /** Activations [..., K]. */
  readonly input: Value;
  /** Type of activations and result. */
  readonly dataType: DataType;
  /** The integers are [K, N], or [N, K] with `transposed`; channels are the N columns, or there is a single scale. */
  readonly weight: QuantizedWeight;
  readonly transposed: boolean;
  /** Factor of the product. */
  readonly alpha: number;
  /** Added to the result; float32, broadcasts over it. */
  readonly bias: Value | null;
  /** Name of the node that computes the integer product. */
  readonly name: string;
  /** Multiplies what quantizing the activations lost, too. */
  readonly twice?: boolean;
}

/** Adds the nodes before `anchor`; gives the result [..., N]. */
export function emitDynamicLinear(anchor: Node, linear: DynamicLinear, activations: DynamicActivations): Value {
  const { input, dataType, bias } = linear;
  const nodes = new NodeInserter(anchor, linear.weight.name);
  let result = addProduct(nodes, activations.quantize(input, dataType, anchor), linear);
  if (bias) result = nodes.add('Add', [result, bias], 'biased');
  if (linear.twice) {
    const rest = addProduct(nodes, activations.quantizeRest(input, dataType, anchor), { ...linear, name: '' });
    result = nodes.add('Add', [result, rest], 'both');
  }
  return nodes.cast(result, 'float32', dataType, dataType);
}

function addProduct(nodes: NodeInserter, activation: QuantizedActivation, linear: DynamicLinear): Value {
  const { weight, name } = linear;
  const { quantized, scale, zeroPoint } = activation;
  const shape = weight.parameterShape([weight.channels]);
  return emitScaledProduct(nodes, {
    activation: [quantized, zeroPoint, scale],
    weight: columnsOf(linear),
    zeroPoint: weight.hasZeroPoint ? weight.zeroPoint(shape) : null,
    scale: weight.scale(shape, linear.alpha),
    bias: null,
    name,
  });
}

/** The integers as [K, N]: by a Transpose, which is folded when the session is created, where they are stored as [N, K]. */
function columnsOf({ weight, transposed }: DynamicLinear): Value {
  if (!transposed) return weight.value;
  const known = [...weight.value.uses].find(({ node }) => node.is('Transpose') && node.graph === weight.graph);
  if (known) return known.node.output;
  const nodes = NodeInserter.behind(weight.value, weight.graph, weight.name);
  return nodes.add('Transpose', [weight.value], 'transposed', { attributes: { perm: intsAttribute([1, 0]) } });
}
