// Which products quantize their activations twice. Behind activation functions (GELU, SwiGLU) a few large values set the scale of all
// others: of a Llama's error with 8-bit activations, nine tenths come from the inputs of its four down projections.
import type { Node, Value } from '../../src/ir/index.js';
import { constantSource } from '../../src/ops/index.js';
import { isTransposedGemm } from '../../src/quantization/index.js';
import type { Options } from './options.js';
import type { NodePlan } from './plan.js';

/** Of all products: what second ones may be. BERT's would be a third, Llama's and GPT's are about a quarter. */
const mostShare = 0.3;

export function chooseTwice(plans: ReadonlyMap<Node, NodePlan>, mode: Options['activations']): ReadonlySet<Node> {
  const products = [...plans.values()].filter((plan) => plan.product !== undefined);
  if (mode === 'twice') return new Set(products.map(({ node }) => node));
  const chosen = mode === 'once' ? [] : products.filter(({ node }) => contracts(node) && isActivated(node.input(0)));
  const sum = (of: readonly NodePlan[]): number => of.reduce((total, { product = 0 }) => total + product, 0);
  return new Set(sum(chosen) <= mostShare * sum(products) ? chosen.map(({ node }) => node) : []);
}

/** Whether a product leads from many channels to fewer, as the second half of a feed-forward network does. */
function contracts(node: Node): boolean {
  const [rows, columns] = constantSource(node.input(1))?.shape ?? [];
  return isTransposedGemm(node) ? columns > rows : rows > columns;
}

/** Whether `value` comes out of a GELU, or is a product of two computed values: a gate, or a GELU in parts. */
function isActivated(value: Value | null): boolean {
  let producer = value?.producer;
  while (producer?.is('Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Cast'))
    producer = producer.input(0)?.producer;
  if (!producer) return false;
  if (/Gelu$/.test(producer.opType)) return true;
  // GELU in parts may end with a factor of a half.
  if (producer.is('Mul') && producer.inputs.some((input) => constantSource(input) !== null)) {
    producer = producer.inputs.find((input) => constantSource(input) === null)?.producer;
  }
  return (
    producer?.is('Mul') === true &&
    // A factor that was divided by is a norm's.
    producer.inputs.every(
      (input) => input && constantSource(input) === null && !input.producer?.is('Reciprocal', 'Div', 'Sqrt', 'Pow'),
    )
  );
}
