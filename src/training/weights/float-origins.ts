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
  if (use.node.is('Transpose') && latent.constant!.shape.length === 2)
    return transposedOrigin(latent, use.node, original);
  const node = nodeOfOutput(original, use.node.outputs[0]?.name);
  if (!node || node.opType !== use.node.opType) return null;
  return floatsOf(node, use.index, latent.constant!.shape);
}

/** Of a matrix [N, K] that is turned before a MatMul: what the original multiplies with, in the same order. */
function transposedOrigin(latent: Value, turn: Node, original: Model): Float32Array | null {
  const [use] = turn.output.uses;
  if (!use || turn.output.uses.size !== 1 || !use.node.is('MatMul') || use.index !== 1) return null;
  // A bias behind the product has taken its name.
  const [next] = use.node.output.uses;
  const names = [use.node.output.name, ...(next?.node.is('Add') ? [next.node.output.name] : [])];
  const [n, k] = latent.constant!.shape;
  for (const name of names) {
    const node = nodeOfOutput(original, name);
    if (!node?.is('MatMul', 'Gemm')) continue;
    const turned = node.attributes.int('transB', 0) === 1;
    const values = floatsOf(node, 1, turned ? [n, k] : [k, n]);
    if (!values || turned) return values;
    return Float32Array.from({ length: n * k }, (_, i) => values[(i % k) * n + Math.floor(i / k)]);
  }
  return null;
}

/** null where it is no float32 constant of this shape, or lies otherwise. */
function floatsOf(node: Node, operand: number, shape: readonly number[]): Float32Array | null {
  const source = constantSource(node.input(operand));
  const ordered = source?.permutation.every((axis, position) => axis === position);
  if (!source || !ordered || source.dataType !== 'float32') return null;
  return source.shape.join() === shape.join() ? source.tensor.readFloat32() : null;
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
