// Reverse-mode differentiation (Linnainmaa 1970): walks a graph backwards from given gradients and adds the nodes that compute the gradients of
// chosen values, in standard forward operators.
import { unsupportedModel } from '../errors.js';
import type { Graph, Node, Value } from '../ir/index.js';
import { discreteOperators } from './discrete-operators.js';
import { isComposite } from './expand/index.js';
import type { GraphBuilder } from './graph-builder.js';
import type { GradientContext, NodeFacts } from './rule.js';
import { ruleOf } from './rules/index.js';

/** A node that lies between weights and loss and has no gradient. */
export interface Obstacle {
  readonly node: Node;
  readonly reason: string;
}

/** Operators whose outputs are integers, booleans or constant almost everywhere: nothing flows back through them. */
const stops = new Set([...discreteOperators, 'OneHot']);

/** The values that depend on `sources` in a way that can be differentiated. */
function dependents(graph: Graph, sources: Iterable<Value>): Set<Value> {
  const active = new Set(sources);
  for (const node of graph.nodes()) {
    if (stops.has(node.qualifiedType) || isCastToInteger(node)) continue;
    if (!node.inputs.some((input) => input && active.has(input))) continue;
    for (const output of differentiable(node)) if (output) active.add(output);
  }
  return active;
}

/** The scale and zero point of DynamicQuantizeLinear follow its input, and what they lose or win by that is rounding. */
function differentiable(node: Node): readonly (Value | null)[] {
  return node.is('DynamicQuantizeLinear') ? node.outputs.slice(0, 1) : node.outputs;
}

/** Types of FLOAT, FLOAT16, DOUBLE and BFLOAT16 (TensorProto.DataType). */
const floatCodes = new Set([1, 10, 11, 16]);

function isCastToInteger(node: Node): boolean {
  return node.is('Cast') && !floatCodes.has(node.attributes.int('to', 1));
}

/** The nodes on the ways from `sources` to `results`, in order. */
function nodesBetween(graph: Graph, active: ReadonlySet<Value>, results: Iterable<Value>): Node[] {
  const needed = new Set<Value | null>(results);
  const nodes: Node[] = [];
  for (const node of [...graph.nodes()].reverse()) {
    if (!node.outputs.some((output) => output && needed.has(output) && active.has(output))) continue;
    nodes.push(node);
    for (const input of node.inputs) if (input && active.has(input)) needed.add(input);
  }
  return nodes.reverse();
}

function factsOf(node: Node, builder: GraphBuilder, active: ReadonlySet<Value>): NodeFacts {
  return {
    node,
    shapeOf: (value) => builder.shapeOf(value),
    constant: (index) => {
      const value = node.input(index);
      return value?.constant && !value.isGraphInput && !active.has(value) ? value.constant : null;
    },
    wants: (index) => {
      const value = node.input(index);
      return value !== null && active.has(value);
    },
  };
}

function obstacleOf(node: Node, facts: NodeFacts): string | null {
  const rule = ruleOf(node);
  if (node.is('Cast')) return node.attributes.int('to', 1) === 1 ? null : 'it leaves float32';
  if (!rule && isComposite(node)) return 'this form of it (state, lengths, or attributes) is not differentiated';
  if (!rule) return `there is no gradient rule for ${node.qualifiedType}`;
  return rule.obstacle?.(facts) ?? null;
}

/** What keeps `results` from being differentiated by `sources`; `builder` knows the shapes. */
export function findObstacles(builder: GraphBuilder, sources: Iterable<Value>, results: Iterable<Value>): Obstacle[] {
  const active = dependents(builder.graph, sources);
  return nodesBetween(builder.graph, active, results).flatMap((node) => {
    const reason = obstacleOf(node, factsOf(node, builder, active));
    return reason === null ? [] : [{ node, reason }];
  });
}

/**
 * Adds the gradients of Σ seed · result by each of `sources` to the graph of `builder`. A seed has the shape of its result. Sources that no
 * result depends on are missing in what is returned. Throws MODEL_UNSUPPORTED where `findObstacles` finds something.
 */
export function differentiate(
  builder: GraphBuilder,
  seeds: ReadonlyMap<Value, Value>,
  sources: readonly Value[],
): Map<Value, Value> {
  const active = dependents(builder.graph, sources);
  const nodes = nodesBetween(builder.graph, active, seeds.keys());
  const contributions = new Map<Value, Value[]>();
  for (const [value, seed] of seeds) contributions.set(value, [seed]);
  const gradientOf = (value: Value): Value | null => {
    const parts = contributions.get(value);
    if (!parts) return null;
    const sum = parts.reduce((total, part) => builder.add(total, part));
    contributions.set(value, [sum]);
    return sum;
  };
  for (const node of nodes.reverse()) {
    const gradients = node.outputs.map((output) => output && gradientOf(output));
    if (gradients.every((gradient) => gradient === null)) continue;
    const facts = factsOf(node, builder, active);
    const reason = obstacleOf(node, facts);
    if (reason !== null) {
      throw unsupportedModel(`${node.qualifiedType} "${node.name}" cannot be differentiated: ${reason}`);
    }
    const results = node.is('Cast') ? gradients : ruleOf(node)!.gradients(contextOf(facts, builder, gradients));
    for (const [index, gradient] of results.entries()) {
      const input = node.input(index);
      if (!input || !gradient || !active.has(input)) continue;
      const parts = contributions.get(input);
      if (parts) parts.push(gradient);
      else contributions.set(input, [gradient]);
    }
  }
  return new Map(
    sources.flatMap((source) => {
      const gradient = gradientOf(source);
      return gradient ? [[source, gradient] as const] : [];
    }),
  );
}

function contextOf(facts: NodeFacts, builder: GraphBuilder, gradients: readonly (Value | null)[]): GradientContext {
  return {
    ...facts,
    builder,
    input: (index) => facts.node.inputs[index]!,
    gradient: (index) => gradients[index] ?? null,
    get upstream() {
      return gradients[0] ?? builder.filled(builder.shapeOf(facts.node.outputs[0]!), 0);
    },
  };
}
