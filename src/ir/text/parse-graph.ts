// Graphs and function bodies in ONNX's text syntax → Graph. Names become links as they are read, so a value is computed before it is used.
import type { Tensor } from '../../tensor/index.js';
import type { Attribute } from '../attribute.js';
import { Graph } from '../graph.js';
import type { Scope } from '../scope.js';
import type { Value } from '../value.js';
import type { ValueType } from '../value-type.js';
import { type AttributeParser, parseAttribute } from './parse-attribute.js';
import { type ElidedTensors, parseTensor } from './parse-tensor.js';
import { nextIsType, parseType } from './parse-type.js';
import type { TextReader } from './text-reader.js';

/** Values by name, innermost graph first. */
type Names = readonly Map<string, Value>[];

interface Declaration {
  readonly name: string;
  readonly type: ValueType | null;
  readonly tensor: Tensor | null;
}

/** Reads graphs that share a scope: a main graph or function body with its subgraphs. */
export class GraphParser {
  private readonly reader: TextReader;
  private readonly scope: Scope;
  private readonly elided: ElidedTensors | undefined;

  constructor(reader: TextReader, scope: Scope, elided: ElidedTensors | undefined) {
    this.reader = reader;
    this.scope = scope;
    this.elided = elided;
  }

  /** `name (inputs) => (outputs) <declarations> { nodes }`. */
  graph(outer: Names = []): Graph {
    return this.rest(this.reader.name(), outer);
  }

  /** Everything behind the name of a graph or function. */
  rest(name: string, outer: Names = []): Graph {
    const { reader } = this;
    const graph = new Graph(this.scope, name);
    const values = new Map<string, Value>();
    reader.expect('(');
    for (const input of this.declarations(')')) {
      const value = this.define(values, graph.addInput(input.name, input.type));
      if (input.tensor) this.initializer(graph, value, input);
    }
    reader.expect('=>');
    reader.expect('(');
    const outputs = this.declarations(')');
    const types: Declaration[] = [];
    for (const declaration of reader.matches('<') ? this.declarations('>') : []) {
      if (declaration.tensor === null) types.push(declaration);
      else {
        const value = values.get(declaration.name) ?? this.define(values, graph.newValue(declaration.name));
        this.initializer(graph, value, declaration);
      }
    }
    const names = [values, ...outer];
    reader.expect('{');
    while (!reader.matches('}')) this.node(graph, names);
    for (const { name: declared, type } of [...types, ...outputs]) {
      const value = values.get(declared);
      if (value && type && !value.isGraphInput) value.type = type;
    }
    for (const output of outputs) graph.addOutput(this.lookUp(output.name, names));
    return graph;
  }

  attribute(name: string, names: Names = []): Attribute {
    const parser: AttributeParser = { reader: this.reader, elided: this.elided, graph: () => this.graph(names) };
    return parseAttribute(parser, name);
  }

  private declarations(close: string): Declaration[] {
    const declarations: Declaration[] = [];
    this.reader.list(close, () => {
      const type = nextIsType(this.reader) ? parseType(this.reader) : null;
      const name = this.reader.name();
      const tensor = this.reader.matches('=') ? this.tensor(name, type) : null;
      declarations.push({ name, type, tensor });
    });
    return declarations;
  }

  private tensor(name: string, type: ValueType | null): Tensor {
    if (type === null) throw this.reader.failure(`the initializer ${name} needs a type`);
    return parseTensor(this.reader, name, type, this.elided);
  }

  private initializer(graph: Graph, value: Value, { tensor }: Declaration): void {
    if (value.isInitializer) throw this.reader.failure(`${value.name} has two initial values`);
    const { type } = value;
    if (tensor) graph.makeInitializer(value, tensor);
    if (type) value.type = type;
  }

  private node(graph: Graph, names: Names): void {
    const { reader } = this;
    let name = '';
    if (reader.matches('[')) {
      name = reader.name();
      reader.expect(']');
    }
    const outputs = this.nameList();
    reader.expect('=');
    const { domain, opType } = this.operator();
    const overload = reader.matches(':') ? reader.identifier() : undefined;
    const before = this.attributes(names);
    reader.expect('(');
    const inputs = this.nameList().map((input) => (input === '' ? null : this.lookUp(input, names)));
    reader.expect(')');
    const attributes = before ?? this.attributes(names) ?? undefined;
    const node = graph.append({ opType, domain, overload, name, inputs, outputs, attributes });
    for (const output of node.outputs) if (output) this.define(names[0], output);
  }

  /** `MatMul`, `com.microsoft.Attention`, or `"odd domain".Operator`. */
  private operator(): { domain: string; opType: string } {
    const parts = [this.reader.name()];
    while (this.reader.matches('.')) parts.push(this.reader.name());
    const opType = parts.pop() ?? '';
    return { domain: parts.join('.'), opType };
  }

  /** null when there is no `<`. */
  private attributes(names: Names): Record<string, Attribute> | null {
    if (!this.reader.matches('<')) return null;
    const attributes: Record<string, Attribute> = {};
    this.reader.list('>', () => {
      const name = this.reader.name();
      if (Object.hasOwn(attributes, name)) throw this.reader.failure(`the attribute ${name} comes twice`);
      attributes[name] = this.attribute(name, names);
    });
    return attributes;
  }

  /** Names separated by commas; `""`, or nothing before a comma, is an omitted one. */
  private nameList(): string[] {
    const names: string[] = [];
    for (;;) {
      const quoted = this.reader.peek() === '"';
      const name = quoted ? this.reader.string() : this.reader.optionalIdentifier();
      if (name === '' && !quoted && this.reader.peek() !== ',') return names;
      names.push(name);
      if (!this.reader.matches(',')) return names;
    }
  }

  private define(values: Map<string, Value>, value: Value): Value {
    if (values.has(value.name)) throw this.reader.failure(`${value.name} is defined twice`);
    values.set(value.name, value);
    return value;
  }

  private lookUp(name: string, names: Names): Value {
    for (const values of names) {
      const value = values.get(name);
      if (value) return value;
    }
    throw this.reader.failure(`nothing before computes ${name}`);
  }
}
