// Types of the values inside of If and Loop (operators of ONNX), which engines do not tell: what their bodies compute is written out in the main graph of
// a copy, where it is inferred like all else.
import type { Engine } from '../engine/index.js';
import {
  cloneWithNodes,
  type Graph,
  type Model,
  type Node,
  type TensorType,
  tensorType,
  type Value,
} from '../ir/index.js';
import { int64Tensor, MemoryTensor } from '../tensor/index.js';
import { inferProvenTypes } from './proven-types.js';

/** Element types of the values in bodies of If and Loop, nested ones too; shapes are unknown, as they may change from round to round. */
export async function inferBodyTypes(model: Model, engine: Engine): Promise<ReadonlyMap<Value, TensorType>> {
  const outer = [...model.graph.nodes()].filter((node) => node.is('If', 'Loop'));
  const types = new Map<Value, TensorType>();
  if (outer.length === 0) return types;
  const bodies = new WrittenOut(model);
  for (const node of outer) bodies.write(node);
  const inferred = await inferProvenTypes(bodies.model, engine);
  for (const [value, copy] of bodies.values) {
    const type = inferred.get(copy);
    if (type) types.set(value, tensorType(type.dataType, null));
  }
  return types;
}

class WrittenOut {
  readonly model: Model;
  /** Copies in the main graph of the values in bodies. */
  readonly values = new Map<Value, Value>();
  private readonly copyOf: (node: Node) => Node;
  private readonly outside = new Map<Value, Value>();

  constructor(model: Model) {
    const { clone, copyOf } = cloneWithNodes(model);
    this.model = clone;
    this.copyOf = copyOf;
    const initializers = [...clone.graph.initializers];
    for (const [index, value] of [...model.graph.initializers].entries()) this.outside.set(value, initializers[index]);
    for (const [index, input] of model.graph.inputs.entries()) this.outside.set(input, clone.graph.inputs[index]);
    for (const node of model.graph.nodes()) {
      for (const [index, output] of node.outputs.entries())
        if (output) this.outside.set(output, copyOf(node).outputs[index]!);
    }
  }

  /** Writes the bodies of `node`, of the main graph, in front of its copy. */
  write(node: Node): void {
    this.writeBodies(node, this.copyOf(node));
  }

  private writeBodies(node: Node, anchor: Node): void {
    for (const body of node.subgraphs()) {
      if (node.is('Loop')) this.bindInputs(node, body);
      for (const initializer of body.initializers) this.values.set(initializer, this.constant(initializer));
      for (const inner of body.nodes()) {
        if (inner.is('If', 'Loop')) this.writeNested(inner, anchor);
        else if (inner.subgraphs().length === 0) this.copy(inner, anchor);
      }
    }
  }

  /** What a nested If or Loop gives has the types of what its body gives. */
  private writeNested(node: Node, anchor: Node): void {
    this.writeBodies(node, anchor);
    const [body] = node.subgraphs();
    const first = node.is('Loop') ? 1 : 0;
    for (const [index, output] of node.outputs.entries()) {
      const copy = this.find(body?.outputs[index + first] ?? null);
      if (output && copy) this.values.set(output, copy);
    }
  }

  /** The count of rounds, the condition, and what goes from round to round. */
  private bindInputs(node: Node, body: Graph): void {
    const { graph } = this.model;
    for (const [index, input] of body.inputs.entries()) {
      const copy =
        index === 0
          ? graph.addInitializer('round', int64Tensor([], [0]))
          : index === 1
            ? graph.addInitializer('condition', new MemoryTensor('bool', [], Uint8Array.of(1)))
            : this.find(node.input(index));
      if (copy) this.values.set(input, copy);
    }
  }

  /** Left out where something that it takes is not known. */
  private copy(node: Node, anchor: Node): void {
    const inputs = node.inputs.map((input) => this.find(input));
    if (inputs.some((input, index) => input === null && node.input(index) !== null)) return;
    const { graph } = this.model;
    const { opType, domain, overload } = node;
    const copy = graph.insertBefore(anchor, {
      opType,
      domain,
      overload,
      inputs,
      outputs: node.outputs.map((output) => (output ? graph.scope.uniqueName(`${output.name}_written`) : '')),
      attributes: Object.fromEntries(node.attributes),
    });
    for (const [index, output] of node.outputs.entries()) if (output) this.values.set(output, copy.outputs[index]!);
  }

  private constant(initializer: Value): Value {
    return this.model.graph.addInitializer(initializer.name, initializer.constant!);
  }

  private find(value: Value | null): Value | null {
    return value && (this.values.get(value) ?? this.outside.get(value) ?? null);
  }
}
