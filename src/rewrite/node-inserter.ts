// Inserts nodes in front of another, naming their outputs after one stem.
import { internalError } from '../errors.js';
import { type Attribute, type Graph, intAttribute, type Node, type Value } from '../ir/index.js';
import { type DataType, dataTypeCode } from '../tensor/index.js';

export interface InsertOptions {
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export class NodeInserter {
  readonly graph: Graph;
  private readonly anchor: Node;
  private readonly stem: string;

  constructor(anchor: Node, stem: string) {
    if (anchor.graph === null)
      throw internalError(`${anchor.qualifiedType} "${anchor.name}" was removed from its graph`);
    this.graph = anchor.graph;
    this.anchor = anchor;
    this.stem = stem;
  }

  /** Inserts in front of the first node of `graph`: for what is made of constants alone. */
  static atStart(graph: Graph, stem: string): NodeInserter {
    const first = graph.nodes().next();
    if (first.done) throw internalError(`Graph ${graph.name} has no nodes`);
    return new NodeInserter(first.value, stem);
  }

  /** Inserts behind the node that computes `value`, or at the start where none does; `value` belongs to `graph`. */
  static behind(value: Value, graph: Graph, stem: string): NodeInserter {
    if (!value.producer) return NodeInserter.atStart(graph, stem);
    const next = graph.nodeAfter(value.producer);
    if (!next) throw internalError(`Nothing in graph ${graph.name} can use ${value.name}`);
    return new NodeInserter(next, stem);
  }

  /** Adds a node with one output, called `<stem>_<suffix>`. */
  add(opType: string, inputs: readonly Value[], suffix: string, options: InsertOptions = {}): Value {
    return this.addNode(opType, inputs, [suffix], options).output;
  }

  addNode(
    opType: string,
    inputs: readonly (Value | null)[],
    suffixes: readonly string[],
    options: InsertOptions = {},
  ): Node {
    const outputs: string[] = [];
    for (const suffix of suffixes) outputs.push(suffix && this.freeName(suffix, outputs));
    return this.graph.insertBefore(this.anchor, { opType, inputs, outputs, ...options });
  }

  /** `value` as `to`; itself where it has that type already. */
  cast(value: Value, from: DataType, to: DataType, suffix: string): Value {
    if (from === to) return value;
    return this.add('Cast', [value], suffix, { attributes: { to: intAttribute(dataTypeCode(to)) } });
  }

  /** A name that nothing has, nor any of the other outputs of the same node. */
  private freeName(suffix: string, taken: readonly string[]): string {
    const name = this.graph.scope.uniqueName(`${this.stem}_${suffix}`);
    return taken.includes(name) ? this.freeName(`${suffix}_${taken.length}`, taken) : name;
  }
}
