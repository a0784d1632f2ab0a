// What integers of a quantized student were before they were rounded: the weights of the original, found by the name of what is computed with them. Training
// that starts from them, within half a step of the integers, needs less to change those that rounding left near a boundary.
import type { Model, Node, Value } from '../../ir/index.js';
import { constantSource } from '../../ops/index.js';

/** Further into the next step than this, rounding error or not, an integer would change by itself. */
const nearest = 0.45;

/** The float weight of `original` that is used where `latent` is; null where there is none of its shape. */
export function floatOrigin(latent: Value, original: Model): Float32Array | null {
  const [use] = latent.uses;
  if (!use || latent.uses.size !== 1) return null;
  const node = nodeOfOutput(original, use.node.outputs[0]?.name);
  if (!node || node.opType !== use.node.opType) return null;
  const source = constantSource(node.input(use.index));
  const ordered = source?.permutation.every((axis, position) => axis === position);
  if (!source || !ordered || source.dataType !== 'float32') return null;
  return source.shape.join() === latent.constant!.shape.join() ? source.tensor.readFloat32() : null;
}

/** Steps to start from for an element of `integer` steps: where it was before, as far as that rounds to the same. */
export function stepsBefore(integer: number, before: number): number {
  if (!(Math.abs(before - integer) < 1)) return integer;
  return Math.max(integer - nearest, Math.min(integer + nearest, before));
}

function nodeOfOutput({ graph }: Model, name: string | undefined): Node | null {
  for (const node of graph.nodes()) if (name && node.outputs[0]?.name === name) return node;
  return null;
}
