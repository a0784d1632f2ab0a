// A node: one operator (NodeProto) with its inputs, outputs and attributes.
import { internalError } from '../errors.js';
import { type Attribute, graphsOf } from './attribute.js';
import { AttributeMap } from './attribute-map.js';
import type { Graph } from './graph.js';
import type { Opaque } from './opaque.js';
import type { Scope } from './scope.js';
import { type Use, Value } from './value.js';

export interface NodeInit {
  readonly opType: string;
  /** '' is ONNX's own domain. */
  readonly domain?: string;
  readonly overload?: string;
  readonly name?: string;
  /** null stands for an omitted optional input. */
  readonly inputs: readonly (Value | null)[];
  /** Names of the outputs, '' for an omitted one; or how many, named after the node. Default: one. */
  readonly outputs?: readonly string[] | number;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly opaque?: Opaque;
}

export class Node {
  readonly opType: string;
  readonly domain: string;
  readonly overload: string;
  readonly outputs: readonly (Value | null)[];
  readonly attributes: AttributeMap;
  opaque: Opaque | null;
  name: string;
  private readonly scope: Scope;
  private owner: Graph | null = null;
  private readonly operands: (Value | null)[] = [];
  private readonly operandUses: (Use | null)[] = [];

  /** Nodes are made by `Graph.append`, `insertBefore` and `insertAfter`. */
  constructor(scope: Scope, init: NodeInit) {
    this.scope = scope;
    this.opType = init.opType;
    this.domain = init.domain === 'ai.onnx' ? '' : (init.domain ?? '');
    this.overload = init.overload ?? '';
    this.name = init.name ?? '';
    this.opaque = init.opaque ?? null;
    this.attributes = new AttributeMap(this, scope, init.attributes);
    const names =
      typeof init.outputs === 'object'
        ? init.outputs
        : Array.from({ length: init.outputs ?? 1 }, (_, index) =>
            scope.uniqueName(
              index === 0 ? `${this.name || this.opType}_output` : `${this.name || this.opType}_output_${index}`,
            ),
          );
    this.outputs = names.map((name) => (name === '' ? null : new Value(scope, name, this)));
    for (const value of init.inputs) this.addInput(value);
  }

  /** The graph it is in; null once removed. */
  get graph(): Graph | null {
    return this.owner;
  }

  get inputs(): readonly (Value | null)[] {
    return this.operands;
  }

  /** The use that connects input `index` to its value; null when the input is omitted. */
  useAt(index: number): Use | null {
    return this.operandUses[index] ?? null;
  }

  /** The only output of an operator that has one. */
  get output(): Value {
    return this.outputs[0]!;
  }

  /** Input `index`, or null when it is omitted. */
  input(index: number): Value | null {
    return this.operands[index] ?? null;
  }

  /** `domain::opType`, or just the opType for ONNX's own. */
  get qualifiedType(): string {
    return this.domain === '' ? this.opType : `${this.domain}::${this.opType}`;
  }

  /** Whether it is ONNX's own operator `opType` (or one of them). */
  is(...opTypes: string[]): boolean {
    return this.domain === '' && opTypes.includes(this.opType);
  }

  replaceInput(index: number, value: Value | null): void {
    const old = this.operands[index];
    if (old === value) return;
    if (old) (old.uses as Set<Use>).delete(this.operandUses[index]!);
    this.operands[index] = value;
    this.operandUses[index] = this.useOf(value, index);
    this.scope.revision++;
  }

  addInput(value: Value | null): void {
    const index = this.operands.length;
    this.operands.push(value);
    this.operandUses.push(this.useOf(value, index));
    this.scope.revision++;
  }

  /** Leaves out an optional output that nothing uses. */
  omitOutput(index: number): void {
    const output = this.outputs[index];
    if (!output) return;
    if (output.isUsed) throw internalError(`Output ${output.name} of ${this.qualifiedType} "${this.name}" is used`);
    const outputs = this.outputs as (Value | null)[];
    outputs[index] = null;
    while (outputs.length > 0 && outputs[outputs.length - 1] === null) outputs.pop();
    this.scope.release(output.name);
    this.scope.revision++;
  }

  /** The subgraphs of its attributes (If, Loop, Scan). */
  subgraphs(): Graph[] {
    return [...this.attributes].flatMap(([, attribute]) => graphsOf(attribute));
  }

  /** For Graph only: takes the node out of its graph and drops its uses, those inside its subgraphs included. */
  detach(): void {
    this.owner = null;
    for (let index = 0; index < this.operands.length; index++) this.replaceInput(index, null);
    for (const output of this.outputs) if (output) this.scope.release(output.name);
    for (const subgraph of this.subgraphs()) subgraph.clear();
  }

  /** For Graph only. */
  attach(graph: Graph): void {
    this.owner = graph;
  }

  private useOf(value: Value | null, index: number): Use | null {
    if (!value) return null;
    const use: Use = { node: this, index };
    (value.uses as Set<Use>).add(use);
    return use;
  }
}
