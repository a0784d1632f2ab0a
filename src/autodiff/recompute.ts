// Gradient checkpointing (Chen et al. 2016): of a forward pass cut into stretches, only what passes from one to the next is kept; the rest is computed
// a second time when gradients come back to the stretch. Costs up to one forward pass, and leaves gradients as they are, bit by bit.
import type { Graph, Node, NodeInit, Value } from '../ir/index.js';
import type { GraphBuilder, Shape } from './graph-builder.js';
import { valuesOfFloats } from './values-of-floats.js';

export interface RecomputeRequest {
  /** The forward pass, in order. Nodes behind it in the graph are those of gradients. */
  readonly forward: readonly Node[];
  /** Inputs of the graph that are the same in every step: weights. */
  readonly weights: ReadonlySet<Value>;
}

interface Stretch {
  readonly nodes: readonly Node[];
  readonly values: ReadonlySet<Value>;
}

/** Stretches that are tried, at most. */
const mostStretches = 32;
const elementBytes = 4;

/** Rewrites the graph of `builder` so that fewer values of the forward pass are alive when gradients begin. Returns how many nodes are computed twice. */
export function recompute(builder: GraphBuilder, { forward, weights }: RecomputeRequest): number {
  const stretches = cut(builder, forward);
  const own = new Set(forward);
  const last = stretches.at(-1);
  if (!last || stretches.length < 2) return 0;
  const floats = valuesOfFloats(builder.graph);
  let count = 0;
  // From the last one backwards, as gradients come: those behind are settled.
  for (const stretch of stretches.slice(0, -1).reverse()) {
    const late = lateValues(builder.graph, own, last);
    const kept = (value: Value): boolean => !floats.has(value) || weights.has(value) || value.isInitializer;
    const signals = (value: Value): boolean => late.has(value) && floats.has(value);
    const wanted = wantedOf(stretch, own);
    const moment = momentOf(builder.graph, signals, own, wanted);
    if (moment) count += new Repetition(builder, stretch, own, kept, moment).run(wanted);
  }
  return count;
}

function bytesOf(builder: GraphBuilder, value: Value): number {
  return elementBytes * (builder.shapes.get(value) ?? []).reduce((a, b) => a * b, 1);
}

/** Cuts where little passes through, √n stretches of about as much that gradients need. */
function cut(builder: GraphBuilder, forward: readonly Node[]): Stretch[] {
  const own = new Set(forward);
  const positions = new Map(forward.map((node, position) => [node, position]));
  const saved = forward.map(({ outputs }) =>
    outputs.reduce((sum, value) => sum + (value && isSaved(value, own) ? bytesOf(builder, value) : 0), 0),
  );
  const total = saved.reduce((a, b) => a + b, 0);
  const passing = passingBytes(builder, forward, positions);
  const typical = [...passing].sort((a, b) => a - b)[Math.floor(passing.length / 4)] || 1;
  const wanted = Math.min(mostStretches, Math.max(2, Math.round(Math.sqrt(total / typical))));
  const stretches: Stretch[] = [];
  let start = 0;
  let sum = 0;
  let best = -1;
  for (let position = 0; position < forward.length; position++) {
    sum += saved[position];
    if (sum < (0.7 * total) / wanted) continue;
    if (best < start || passing[position] <= passing[best]) best = position;
    if (sum < (1.3 * total) / wanted && position < forward.length - 1) continue;
    stretches.push(stretchOf(forward.slice(start, best + 1)));
    start = best + 1;
    sum = saved.slice(start, position + 1).reduce((a, b) => a + b, 0);
  }
  if (start < forward.length) stretches.push(stretchOf(forward.slice(start)));
  return stretches;
}

function stretchOf(nodes: readonly Node[]): Stretch {
  return { nodes, values: new Set(nodes.flatMap(({ outputs }) => outputs.filter((value) => value !== null))) };
}

/** Whether gradients need it. */
function isSaved({ uses }: Value, forward: ReadonlySet<Node>): boolean {
  return [...uses].some(({ node }) => !forward.has(node));
}

/** Bytes that are computed up to each node and read by the forward pass behind it. */
function passingBytes(builder: GraphBuilder, forward: readonly Node[], positions: ReadonlyMap<Node, number>): number[] {
  const changes = new Float64Array(forward.length + 1);
  for (const [position, { outputs }] of forward.entries()) {
    for (const value of outputs) {
      const readers = [...(value?.uses ?? [])].map(({ node }) => positions.get(node) ?? -1);
      const until = Math.max(position, ...readers);
      if (!value || until === position) continue;
      changes[position] += bytesOf(builder, value);
      changes[until] -= bytesOf(builder, value);
    }
  }
  let sum = 0;
  return forward.map((_, position) => {
    sum += changes[position];
    return sum;
  });
}

/** What cannot be known before the forward pass is over: all that depends on its last stretch. */
function lateValues(graph: Graph, forward: ReadonlySet<Node>, last: Stretch): Set<Value> {
  const late = new Set(last.values);
  for (const node of graph.nodes()) {
    if (forward.has(node) || !node.inputs.some((input) => input && late.has(input))) continue;
    for (const output of node.outputs) if (output) late.add(output);
  }
  return late;
}

/** Where a stretch is computed a second time: in front of the first node that wants it, when `signal` is known. */
interface Moment {
  readonly anchor: Node;
  readonly signal: Value;
}

/** What gradients want of a stretch and the forward pass does not hand on. */
function wantedOf({ nodes, values }: Stretch, forward: ReadonlySet<Node>): Set<Value> {
  const members = new Set(nodes);
  return new Set([...values].filter((value) => isSaved(value, forward) && !passesOn(value, members, forward)));
}

/** Read by the forward pass behind the stretch, or from outside: it is there in any case. */
function passesOn({ uses, isGraphOutput }: Value, members: ReadonlySet<Node>, forward: ReadonlySet<Node>): boolean {
  return isGraphOutput || [...uses].some(({ node }) => forward.has(node) && !members.has(node));
}

/** null where gradients want nothing of the stretch, or want it before any gradient is known. */
function momentOf(
  graph: Graph,
  signals: (value: Value) => boolean,
  forward: ReadonlySet<Node>,
  wanted: ReadonlySet<Value>,
): Moment | null {
  let signal: Value | null = null;
  for (const node of graph.nodes()) {
    if (forward.has(node)) continue;
    if (node.inputs.some((input) => input && wanted.has(input))) return signal && { anchor: node, signal };
    signal = node.outputs.find((output) => output && signals(output)) ?? signal;
  }
  return null;
}

class Repetition {
  private readonly builder: GraphBuilder;
  private readonly stretch: Stretch;
  private readonly forward: ReadonlySet<Node>;
  /** Values that are read as they are, wherever they come from. */
  private readonly kept: (value: Value) => boolean;
  private readonly moment: Moment;
  private readonly members: ReadonlySet<Node>;
  private readonly added = new Set<Node>();
  private readonly again = new Map<Value, Value>();
  private zero: Value | null = null;

  constructor(
    builder: GraphBuilder,
    stretch: Stretch,
    forward: ReadonlySet<Node>,
    kept: (value: Value) => boolean,
    moment: Moment,
  ) {
    this.builder = builder;
    this.stretch = stretch;
    this.members = new Set(stretch.nodes);
    this.forward = forward;
    this.kept = kept;
    this.moment = moment;
  }

  /** Returns how many nodes were repeated. */
  run(wanted: ReadonlySet<Value>): number {
    const { again, forward } = this;
    const nodes = this.nodesFor(wanted);
    const computed = new Set(nodes.flatMap(({ outputs }) => outputs).filter((value) => value && !this.passes(value)));
    let count = 0;
    for (const node of nodes) {
      const enters = (value: Value): boolean => !computed.has(value) && !this.kept(value);
      // What depends on weights and integers alone is kept.
      if (!node.inputs.some((value) => value && (again.has(value) || enters(value)))) continue;
      const inputs = node.inputs.map(
        (value) => value && (again.get(value) ?? (enters(value) ? this.enter(value) : value)),
      );
      const { opType, domain, outputs, attributes } = node;
      const shapes = outputs.map((value) => value && this.builder.shapeOf(value));
      const twins = this.insert({ opType, domain, inputs, attributes: Object.fromEntries(attributes) }, shapes);
      for (const [index, value] of outputs.entries()) if (value && computed.has(value)) again.set(value, twins[index]!);
      count++;
    }
    for (const value of wanted) {
      const twin = again.get(value);
      for (const { node, index } of twin ? [...value.uses] : []) {
        if (!forward.has(node) && !this.added.has(node)) node.replaceInput(index, twin!);
      }
    }
    return count;
  }

  private passes(value: Value): boolean {
    return passesOn(value, this.members, this.forward);
  }

  /** Those of the stretch that `wanted` is computed with, from what is there in any case. */
  private nodesFor(wanted: ReadonlySet<Value>): Node[] {
    const needed = new Set<Value>(wanted);
    const found: Node[] = [];
    for (const node of [...this.stretch.nodes].reverse()) {
      if (!node.outputs.some((value) => value && needed.has(value))) continue;
      found.push(node);
      for (const input of node.inputs) if (input && !this.passes(input)) needed.add(input);
    }
    return found.reverse();
  }

  /** `value` plus nothing, known when gradients have come so far: runtimes neither take what follows for the first computation nor begin it earlier. */
  private enter(value: Value): Value {
    this.zero ??= this.nothing();
    const [entered] = this.insert({ opType: 'Add', inputs: [value, this.zero] }, [this.builder.shapeOf(value)]);
    this.again.set(value, entered!);
    return entered!;
  }

  /** Zero times one element of the signal. */
  private nothing(): Value {
    const { builder } = this;
    const { signal } = this.moment;
    const shape = builder.shapeOf(signal);
    let element: Value | null = signal;
    if (shape.length > 0) {
      const [starts, ends] = [0, 1].map((place) => builder.ints(shape.map(() => place)));
      [element] = this.insert({ opType: 'Slice', inputs: [signal, starts, ends] }, [shape.map(() => 1)]);
      [element] = this.insert({ opType: 'Reshape', inputs: [element, builder.ints([1])] }, [[1]]);
    }
    return this.insert({ opType: 'Mul', inputs: [element, builder.scalar(0)] }, [shape.length > 0 ? [1] : []])[0]!;
  }

  private insert(init: Omit<NodeInit, 'outputs'>, shapes: readonly (Shape | null)[]): readonly (Value | null)[] {
    const { builder, moment } = this;
    const outputs = shapes.map((shape) => (shape ? builder.freeName() : ''));
    const node = builder.graph.insertBefore(moment.anchor, { ...init, outputs });
    this.added.add(node);
    for (const [index, value] of node.outputs.entries()) if (value) builder.shapes.set(value, shapes[index]!);
    return node.outputs;
  }
}
