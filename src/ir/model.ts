// A model: main graph, local functions, operator sets and metadata (ModelProto).

import type { Tensor } from '../tensor/index.js';
import type { Attribute } from './attribute.js';
import { Graph } from './graph.js';
import type { Node } from './node.js';
import type { Opaque } from './opaque.js';
import { Scope } from './scope.js';
import type { Value } from './value.js';

/** A function defined in the model itself (FunctionProto): nodes of type `name` in `domain` stand for its body. */
export interface LocalFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  /** Names of attributes without default. */
  readonly attributes: readonly string[];
  readonly attributeDefaults: Readonly<Record<string, Attribute>>;
  readonly opsetImports: ReadonlyMap<string, number>;
  /** Inputs and outputs are the graph's; it has no initializers. */
  readonly body: Graph;
  readonly opaque: Opaque | null;
}

export class Model {
  readonly graph: Graph;
  readonly functions: LocalFunction[] = [];
  /** Operator set version by domain; '' is ONNX's own. */
  readonly opsetImports = new Map<string, number>();
  readonly metadataProps = new Map<string, string>();
  irVersion = 10;
  producerName = 'dsopt';
  producerVersion = '';
  opaque: Opaque | null = null;
  /** The file it came from, null for a model made in memory. */
  path: string | null = null;

  constructor(graph: Graph = new Graph(new Scope(), 'graph')) {
    this.graph = graph;
  }

  /** Version of ONNX's own operators. */
  get opset(): number {
    return this.opsetImports.get('') ?? 1;
  }

  /** Version of ONNX's own operators that a node follows: inside a local function that of the function. */
  opsetOf(node: Node): number {
    let graph = node.graph;
    while (graph?.parent) graph = graph.parent.graph;
    const local = this.functions.find(({ body }) => body === graph);
    return local?.opsetImports.get('') ?? this.opset;
  }

  /**
   * The tensor of a value that nobody can replace at run time; null for everything else. An initializer that is also a graph input is a
   * default value which the caller may override, except before IR version 4, when every initializer was listed among the inputs.
   */
  constantOf(value: Value | null): Tensor | null {
    if (!value?.constant) return null;
    if (!value.isGraphInput) return value.constant;
    return this.irVersion < 4 && this.graph.initializers.has(value) ? value.constant : null;
  }

  /** Grows with every edit of any graph. */
  get revision(): number {
    return this.functions.reduce((sum, { body }) => sum + body.scope.revision, this.graph.scope.revision);
  }

  removeFunction(local: LocalFunction): void {
    const index = this.functions.indexOf(local);
    if (index < 0) return;
    this.functions.splice(index, 1);
    // The revision sums over the functions that are left; it must still grow.
    this.graph.scope.revision += local.body.scope.revision + 1;
  }

  /** Every node: main graph, subgraphs, function bodies. */
  *allNodes(): IterableIterator<Node> {
    for (const graph of this.rootGraphs()) yield* graph.allNodes();
  }

  /** Every graph: main graph, subgraphs, function bodies and theirs. */
  *allGraphs(): IterableIterator<Graph> {
    for (const graph of this.rootGraphs()) yield* graph.allGraphs();
  }

  private *rootGraphs(): IterableIterator<Graph> {
    yield this.graph;
    for (const { body } of this.functions) yield body;
  }
}
