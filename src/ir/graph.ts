// A graph (GraphProto or the body of a FunctionProto): inputs, initializers, nodes in order, outputs.
// Nodes are a linked list, so a graph can be edited while it is iterated.
import { internalError } from '../errors.js';
import type { Tensor } from '../tensor/index.js';
import { Node, type NodeInit } from './node.js';
import type { Opaque } from './opaque.js';
import type { Scope } from './scope.js';
import { sortNodes } from './sort.js';
import { Value } from './value.js';
import { tensorType, type ValueType } from './value-type.js';

/** A sparse initializer: kept and written back, not a target of any pass. */
export interface SparseInitializer {
  readonly value: Value;
  readonly opaque: Opaque;
}

interface Link {
  readonly node: Node;
  previous: Link | null;
  next: Link | null;
}

export class Graph {
  readonly scope: Scope;
  name: string;
  /** The node that holds this graph in an attribute; null for a main graph or a function body. */
  parent: Node | null = null;
  opaque: Opaque | null = null;
  readonly inputs: readonly Value[] = [];
  readonly outputs: readonly Value[] = [];
  readonly initializers: ReadonlySet<Value> = new Set();
  readonly sparseInitializers: readonly SparseInitializer[] = [];
  private readonly links = new Map<Node, Link>();
  private first: Link | null = null;
  private last: Link | null = null;

  constructor(scope: Scope, name: string) {
    this.scope = scope;
    this.name = name;
  }

  get nodeCount(): number {
    return this.links.size;
  }

  /** The nodes in order. Nodes inserted behind the current one are visited, removed ones are not. */
  *nodes(): IterableIterator<Node> {
    let link = this.first;
    while (link) {
      const next: Link | null = link.next;
      if (link.node.graph === this) yield link.node;
      // A link that was removed meanwhile still knows its successor; one that stayed may have got a new one.
      link = this.links.has(link.node) ? link.next : next;
    }
  }

  /** The node behind `node`, null for the last. */
  nodeAfter(node: Node): Node | null {
    return this.linkOf(node).next?.node ?? null;
  }

  append(init: NodeInit): Node {
    return this.link(new Node(this.scope, init), this.last, null);
  }

  insertBefore(anchor: Node, init: NodeInit): Node {
    const next = this.linkOf(anchor);
    return this.link(new Node(this.scope, init), next.previous, next);
  }

  insertAfter(anchor: Node, init: NodeInit): Node {
    const previous = this.linkOf(anchor);
    return this.link(new Node(this.scope, init), previous, previous.next);
  }

  /** Removes a node whose outputs nothing uses any more. */
  remove(node: Node): void {
    for (const output of node.outputs) {
      if (output?.isUsed)
        throw internalError(`Node ${node.qualifiedType} "${node.name}" is still used through ${output.name}`);
    }
    const link = this.linkOf(node);
    if (link.previous) link.previous.next = link.next;
    else this.first = link.next;
    if (link.next) link.next.previous = link.previous;
    else this.last = link.previous;
    this.links.delete(node);
    node.detach();
    this.scope.revision++;
  }

  addInput(name: string, type: ValueType | null): Value {
    const value = new Value(this.scope, name, null);
    value.type = type;
    value.isGraphInput = true;
    (this.inputs as Value[]).push(value);
    this.scope.revision++;
    return value;
  }

  /** Removes a graph input that nothing uses. */
  removeInput(value: Value): void {
    if (!value.isInitializer && value.isUsed) throw internalError(`Input ${value.name} is still used`);
    remove(this.inputs as Value[], value);
    value.isGraphInput = false;
    // What the input declared does not bind the tensor that remains.
    if (value.constant) value.type = tensorType(value.constant.dataType, value.constant.shape);
    this.scope.revision++;
  }

  addOutput(value: Value): void {
    (this.outputs as Value[]).push(value);
    (value.outputOf as Set<Graph>).add(this);
    this.scope.revision++;
  }

  removeOutput(value: Value): void {
    remove(this.outputs as Value[], value);
    if (!this.outputs.includes(value)) (value.outputOf as Set<Graph>).delete(this);
    this.scope.revision++;
  }

  replaceOutput(old: Value, replacement: Value): void {
    const outputs = this.outputs as Value[];
    for (let index = 0; index < outputs.length; index++) if (outputs[index] === old) outputs[index] = replacement;
    (old.outputOf as Set<Graph>).delete(this);
    (replacement.outputOf as Set<Graph>).add(this);
    this.scope.revision++;
  }

  /** A value of this graph that no node computes; it becomes an initializer. */
  newValue(name: string): Value {
    return new Value(this.scope, name, null);
  }

  /** A new initializer, named `name` or, when that is taken, after it. */
  addInitializer(name: string, tensor: Tensor): Value {
    return this.makeInitializer(this.newValue(this.scope.uniqueName(name)), tensor);
  }

  /** Gives a graph input of this graph a default value (models before IR version 4 list every initializer as an input too). */
  makeInitializer(value: Value, tensor: Tensor): Value {
    value.isInitializer = true;
    value.constant = tensor;
    value.type = tensorType(tensor.dataType, tensor.shape);
    (this.initializers as Set<Value>).add(value);
    return value;
  }

  addSparseInitializer(name: string, type: ValueType | null, opaque: Opaque): Value {
    const value = new Value(this.scope, name, null);
    value.type = type;
    value.isInitializer = true;
    (this.sparseInitializers as SparseInitializer[]).push({ value, opaque });
    return value;
  }

  /** Removes an initializer that nothing uses; if it was an overridable input, the input goes too. */
  removeInitializer(value: Value): void {
    if (value.isUsed) throw internalError(`Initializer ${value.name} is still used`);
    if (value.isGraphInput) this.removeInput(value);
    (this.initializers as Set<Value>).delete(value);
    value.isInitializer = false;
    this.scope.release(value.name);
    this.scope.revision++;
  }

  /** Puts the nodes into topological order, keeping the present order where it is free. */
  sort(): void {
    const order = sortNodes(this);
    this.first = null;
    this.last = null;
    this.links.clear();
    for (const node of order) this.link(node, this.last, null);
  }

  /** Removes every node: the graph is being dropped with its node. */
  clear(): void {
    for (const output of [...this.outputs]) this.removeOutput(output);
    for (const node of [...this.nodes()].reverse()) this.remove(node);
    for (const value of [...this.inputs, ...this.initializers]) this.scope.release(value.name);
  }

  /** This graph's nodes and those of its subgraphs, outer before inner. */
  *allNodes(): IterableIterator<Node> {
    for (const node of this.nodes()) {
      yield node;
      for (const subgraph of node.subgraphs()) yield* subgraph.allNodes();
    }
  }

  /** This graph and its subgraphs. */
  *allGraphs(): IterableIterator<Graph> {
    yield this;
    for (const node of this.nodes()) for (const subgraph of node.subgraphs()) yield* subgraph.allGraphs();
  }

  private linkOf(node: Node): Link {
    const link = this.links.get(node);
    if (!link) throw internalError(`Node ${node.qualifiedType} "${node.name}" is not in graph ${this.name}`);
    return link;
  }

  private link(node: Node, previous: Link | null, next: Link | null): Node {
    const link: Link = { node, previous, next };
    if (previous) previous.next = link;
    else this.first = link;
    if (next) next.previous = link;
    else this.last = link;
    this.links.set(node, link);
    node.attach(this);
    this.scope.revision++;
    return node;
  }
}

function remove<Item>(items: Item[], item: Item): void {
  const index = items.indexOf(item);
  if (index >= 0) items.splice(index, 1);
}
