// The constant that a Reshape can take instead of a computed target, from the shapes that its input and output have in several probes.
import type { Node } from '../../src/ir/index.js';
import type { Shapes } from './probe-shapes.js';

/** Fewer than these agree by chance. */
const fewestProbes = 4;

/** Dimensions as ONNX Reshape takes them (allowzero = 0), or why there are none. */
export function targetOf(node: Node, probes: readonly Shapes[]): number[] | string {
  const [data] = node.inputs;
  const pairs = probes.flatMap((shapes) => {
    const from = data && shapes.get(data);
    const to = shapes.get(node.output);
    return from && to ? [{ from, to }] : [];
  });
  if (pairs.length < fewestProbes) return 'what its target is does not follow from the shapes of inputs';
  const [{ to: first }] = pairs;
  if (pairs.some(({ from, to }) => to.length !== first.length || [...from, ...to].includes(0))) {
    return 'shapes of other ranks, or empty ones, are possible';
  }
  const target = first.map((length, axis) => {
    if (pairs.every(({ to }) => to[axis] === length)) return length;
    return pairs.every(({ from, to }) => to[axis] === from[axis]) ? 0 : -1;
  });
  const open = target.filter((length) => length === -1).length;
  return open > 1 ? `${open} of its lengths are no lengths of its input` : target;
}
