// Lets the engine compute values that depend on constants only: all in one session, or each in its own where that fails.
import { DsoptError } from '../../src/errors.js';
import type { Model, Node, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import type { Tensor } from '../../src/tensor/index.js';
import { cutOut } from './cut-out.js';

export interface Results {
  readonly tensors: ReadonlyMap<Value, Tensor>;
  readonly failures: ReadonlyMap<Node, string>;
}

/** `nodes` hold the producers of `values`, and of what those need, in order. */
export async function evaluate(
  values: readonly Value[],
  nodes: readonly Node[],
  model: Model,
  context: PassContext,
): Promise<Results> {
  if (values.length === 0) return { tensors: new Map(), failures: new Map() };
  try {
    return { tensors: await compute(values, nodes, model, context), failures: new Map() };
  } catch (cause) {
    const reason = engineReason(cause);
    const [first] = values;
    if (values.length === 1)
      return { tensors: new Map(), failures: new Map(first.producer && [[first.producer, reason]]) };
  }
  const tensors = new Map<Value, Tensor>();
  const failures = new Map<Node, string>();
  for (const value of values) {
    const single = await evaluate([value], nodes, model, context);
    for (const [computed, tensor] of single.tensors) tensors.set(computed, tensor);
    for (const [node, reason] of single.failures) failures.set(node, reason);
  }
  return { tensors, failures };
}

function engineReason(cause: unknown): string {
  if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
  return `the engine cannot compute it: ${cause.message}`;
}

async function compute(
  values: readonly Value[],
  nodes: readonly Node[],
  model: Model,
  { engine }: PassContext,
): Promise<ReadonlyMap<Value, Tensor>> {
  const { model: cut, copies } = cutOut(neededFor(values, nodes), model);
  const names = new Map<Value, string>();
  for (const value of values) {
    const copy = copies.get(value);
    if (!copy) throw new TypeError(`${value.name} was not cut out`);
    cut.graph.addOutput(copy);
    names.set(value, copy.name);
  }
  // As written, so that the results have the bits that the model itself would compute.
  const session = await engine.open(cut, { optimization: 'disabled' });
  try {
    const results = await session.run({});
    return new Map([...names].map(([value, name]) => [value, results[name]]));
  } finally {
    await session.close();
  }
}

/** The nodes that `values` depend on, in order. */
function neededFor(values: readonly Value[], nodes: readonly Node[]): Node[] {
  const wanted = new Set<Value | null>(values);
  const needed = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => output !== null && wanted.has(output))) return false;
    for (const input of node.inputs) wanted.add(input);
    return true;
  });
  return needed.reverse();
}
