// A value: what a node produces, a graph takes as input, or an initializer holds. It knows its producer and all its uses,
// those in subgraphs that capture it included.
import { internalError } from '../errors.js';
import type { Tensor } from '../tensor/index.js';
import type { Graph } from './graph.js';
import type { Node } from './node.js';
import type { Opaque } from './opaque.js';
import type { Scope } from './scope.js';
import { tensorType, type ValueType } from './value-type.js';

/** `node.inputs[index]` is the value. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

export class Value {
  /** null only for a function input, an omitted type, or before shapes were inferred. */
  type: ValueType | null = null;
  /** The node that computes it; null for graph inputs and initializers. */
  readonly producer: Node | null;
  readonly uses: ReadonlySet<Use> = new Set();
  /** Graphs that list it among their outputs. */
  readonly outputOf: ReadonlySet<Graph> = new Set();
  isGraphInput = false;
  isInitializer = false;
  /** The value info of the file, as it came. */
  opaque: Opaque | null = null;
  private readonly scope: Scope;
  private currentName: string;
  private tensor: Tensor | null = null;

  /** Values are made by graphs and nodes, not by passes. */
  constructor(scope: Scope, name: string, producer: Node | null) {
    this.scope = scope;
    this.currentName = name;
    this.producer = producer;
    scope.claim(name);
  }

  get name(): string {
    return this.currentName;
  }

  get isGraphOutput(): boolean {
    return this.outputOf.size > 0;
  }

  get isUsed(): boolean {
    return this.uses.size > 0 || this.isGraphOutput;
  }

  /** The tensor of an initializer, null for everything else. */
  get constant(): Tensor | null {
    return this.tensor;
  }

  /** Replaces the tensor of an initializer. */
  set constant(tensor: Tensor | null) {
    this.tensor = tensor;
    if (tensor) this.type = tensorType(tensor.dataType, tensor.shape);
    this.scope.revision++;
  }

  /** The nodes that take it as input, each once. */
  consumers(): Set<Node> {
    return new Set([...this.uses].map((use) => use.node));
  }

  rename(name: string): void {
    if (name === this.currentName) return;
    this.scope.release(this.currentName);
    this.scope.claim(name);
    this.currentName = name;
    this.scope.revision++;
  }

  /**
   * Lets every user take `replacement` instead. Where this value is a graph output, the replacement becomes that output and takes
   * over its name and type, so the interface stays; it must then be computed by a node and be no output itself.
   */
  replaceAllUsesWith(replacement: Value): void {
    if (replacement === this) return;
    for (const use of [...this.uses]) use.node.replaceInput(use.index, replacement);
    if (!this.isGraphOutput) return;
    if (!replacement.producer || replacement.isGraphOutput) {
      throw internalError(`${replacement.name} cannot take over the graph output ${this.name}`);
    }
    const { name, type, opaque } = this;
    for (const graph of [...this.outputOf]) graph.replaceOutput(this, replacement);
    this.rename(this.scope.uniqueName(`${name}_replaced`));
    replacement.rename(name);
    replacement.type = type;
    replacement.opaque = opaque;
  }
}
