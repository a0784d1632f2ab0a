// The attributes of one node, by name, with typed access and observed changes.
import { invalidModel } from '../errors.js';
import type { Tensor } from '../tensor/index.js';
import { type Attribute, graphsOf } from './attribute.js';
import type { Node } from './node.js';
import type { Scope } from './scope.js';

export class AttributeMap implements Iterable<[string, Attribute]> {
  private readonly node: Node;
  private readonly scope: Scope;
  private readonly entries: Map<string, Attribute>;

  constructor(node: Node, scope: Scope, init: Readonly<Record<string, Attribute>> | undefined) {
    this.node = node;
    this.scope = scope;
    this.entries = new Map(init ? Object.entries(init) : []);
    for (const attribute of this.entries.values()) this.adopt(attribute);
  }

  get size(): number {
    return this.entries.size;
  }

  [Symbol.iterator](): IterableIterator<[string, Attribute]> {
    return this.entries.entries();
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  get(name: string): Attribute | undefined {
    return this.entries.get(name);
  }

  set(name: string, attribute: Attribute): void {
    this.entries.set(name, attribute);
    this.adopt(attribute);
    this.scope.revision++;
  }

  delete(name: string): void {
    if (this.entries.delete(name)) this.scope.revision++;
  }

  /** All attributes as an object, for a node made after this one. */
  toObject(): Record<string, Attribute> {
    return Object.fromEntries(this.entries);
  }

  /** An integer attribute; values beyond 2^53 (ONNX's "to the end") become ±Number.MAX_SAFE_INTEGER. */
  int(name: string, fallback: number): number;
  int(name: string, fallback: null): number | null;
  int(name: string, fallback: number | null): number | null {
    const attribute = this.expect(name, 'int');
    return attribute ? safeNumber(attribute.value) : fallback;
  }

  ints(name: string): number[] | null {
    return this.expect(name, 'ints')?.value.map(safeNumber) ?? null;
  }

  float(name: string, fallback: number): number {
    return this.expect(name, 'float')?.value ?? fallback;
  }

  floats(name: string): readonly number[] | null {
    return this.expect(name, 'floats')?.value ?? null;
  }

  string(name: string, fallback: string): string {
    const attribute = this.expect(name, 'string');
    return attribute ? new TextDecoder().decode(attribute.value) : fallback;
  }

  strings(name: string): string[] | null {
    return this.expect(name, 'strings')?.value.map((bytes) => new TextDecoder().decode(bytes)) ?? null;
  }

  tensor(name: string): Tensor | null {
    return this.expect(name, 'tensor')?.value ?? null;
  }

  private adopt(attribute: Attribute): void {
    for (const subgraph of graphsOf(attribute)) subgraph.parent = this.node;
  }

  private expect<Type extends Attribute['type']>(name: string, type: Type): Extract<Attribute, { type: Type }> | null {
    const attribute = this.entries.get(name);
    if (attribute === undefined) return null;
    if (attribute.type !== type) {
      throw invalidModel(
        `Attribute ${name} of ${this.node.qualifiedType} "${this.node.name}" is ${attribute.type}, not ${type}`,
      );
    }
    return attribute as Extract<Attribute, { type: Type }>;
  }
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (number > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
  return Math.max(number, Number.MIN_SAFE_INTEGER);
}
