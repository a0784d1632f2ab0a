// Integer products of the same activations (query, key and value; gate and up) become one, whose weights onnxruntime puts side by side when it
// loads the model. Fewer and larger products cost less to start and to share among threads.
import { z } from 'zod';
import type { Node, Value } from '../../src/ir/index.js';
import { definePass, type PassContext, selectionOptions } from '../../src/pass/index.js';
import { type IntegerProduct, integerProduct, joinProducts as join } from '../../src/quantization/index.js';

/** Columns of a joined product: larger ones gain nothing, and weights side by side are copies while a model is loaded. */
const mostColumns = 4096;

export const joinProducts = definePass({
  name: 'join-products',
  kind: 'cleanup',
  summary: 'Computes integer products of the same activations (query, key, value) as one.',
  options: z.strictObject(selectionOptions),
  needs: [],
  run(model, _options, context) {
    const groups = new Map<Value, IntegerProduct[]>();
    for (const node of context.targets('MatMulInteger')) {
      const product = integerProduct(node);
      if (!product) context.record.skipped(node, 'it is no product of quantized activations, scaled for each column');
      else {
        const [quantized] = product.activation;
        groups.set(quantized, [...(groups.get(quantized) ?? []), product]);
      }
    }
    for (const products of groups.values()) {
      const reason = whyNotJoined(products);
      if (reason) skip(products, reason, context);
      else {
        const what = `one product of ${products.length}`;
        for (const { product } of products) context.record.changed(product, what);
        join(products, model.opsetOf(products[0].product));
      }
    }
  },
});

function whyNotJoined(products: readonly IntegerProduct[]): string | null {
  const [first] = products;
  if (products.length < 2) return 'no other product has its activations';
  if (products.some(({ product, zeroPoint }) => !fits(product, first.product) || !zeroPoint !== !first.zeroPoint)) {
    return 'products of its activations differ in form';
  }
  const columns = products.reduce((sum, each) => sum + each.columns, 0);
  return columns > mostColumns ? `together they would have ${columns} columns, above ${mostColumns}` : null;
}

/** Products of branches are not computed together. */
function fits(product: Node, other: Node): boolean {
  return product.graph === other.graph && typeOf(product) === typeOf(other);
}

/** Integers that are computed when the model is loaded are int8: so packed weights are. */
function typeOf(product: Node): string {
  return product.input(1)?.constant?.dataType ?? 'int8';
}

function skip(products: readonly IntegerProduct[], reason: string, { record }: PassContext): void {
  for (const { product } of products) record.skipped(product, reason);
}
