// Lets nodes compute in float16: weights converted, Casts where float16 and float32 meet, one for all users of a value.
import {
  type Graph,
  intAttribute,
  type Model,
  type Node,
  type Opaque,
  tensorAttribute,
  tensorType,
  type Value,
  type ValueType,
} from '../../src/ir/index.js';
import { NodeInserter } from '../../src/rewrite/index.js';
import { dataTypeCode, float32Tensor } from '../../src/tensor/index.js';
import { type HalfType, halfTensor } from './half-tensor.js';
import { isFloat32, type Types } from './islands.js';

export class Retyping {
  private readonly model: Model;
  private readonly types: Types;
  private readonly type: HalfType;
  /** Weights that stay float32 for whoever uses them. */
  private readonly wide: ReadonlySet<Value>;
  /** Values that were float32 and are float16 now, as they were declared. */
  private readonly narrowed = new Map<Value, { readonly type: ValueType | null; readonly opaque: Opaque | null }>();
  private readonly halves = new Map<Value, Value>();
  private readonly fulls = new Map<Value, Value>();

  constructor(model: Model, types: Types, type: HalfType, wide: ReadonlySet<Value>) {
    this.model = model;
    this.types = types;
    this.type = type;
    this.wide = wide;
  }

  /** Declares the float32 inputs of the model to be float16. */
  narrowInputs(): void {
    for (const input of this.model.graph.inputs) {
      if (!input.isInitializer && isFloat32(input, this.types)) this.narrow(input);
    }
  }

  /** `node` computes in float16 from now on. Nodes come in the order of the graph. */
  toHalf(node: Node): void {
    for (const [index, input] of node.inputs.entries()) {
      if (isFloat32(input, this.types)) node.replaceInput(index, this.half(input, node));
    }
    const target = intAttribute(dataTypeCode(this.type));
    if (node.is('Cast') && node.attributes.int('to', 0) === dataTypeCode('float32')) node.attributes.set('to', target);
    if (node.is('Constant', 'ConstantOfShape')) {
      const value = node.attributes.tensor('value') ?? (node.is('ConstantOfShape') ? float32Tensor([1], [0]) : null);
      if (value?.dataType === 'float32') node.attributes.set('value', tensorAttribute(halfTensor(value, this.type)));
    }
    for (const output of node.outputs) if (isFloat32(output, this.types)) this.narrow(output);
  }

  /** `node` goes on to take float32. */
  keep(node: Node): void {
    for (const [index, input] of node.inputs.entries()) {
      if (input && this.narrowed.has(input)) node.replaceInput(index, this.full(input, node));
    }
  }

  /** Gives outputs of `graph`, the model's or a body, that became float16 their type back; the model's under their names. */
  restoreOutputs(graph: Graph): void {
    for (const output of [...graph.outputs]) {
      const declared = this.narrowed.get(output);
      if (!declared) continue;
      const { name } = output;
      const to = intAttribute(dataTypeCode('float32'));
      const restored = graph.append({ opType: 'Cast', inputs: [output], attributes: { to } }).output;
      graph.replaceOutput(output, restored);
      if (graph === this.model.graph) {
        output.rename(graph.scope.uniqueName(`${name}_${this.type}`));
        restored.rename(name);
      }
      restored.type = declared.type;
      restored.opaque = declared.opaque;
    }
  }

  /** Lets those who still take a converted weight as float32 take it from its float16 form, so that it is stored once. */
  shareWeights(): void {
    for (const [value, half] of this.halves) {
      if (!half.constant || !value.isUsed) continue;
      const to = intAttribute(dataTypeCode('float32'));
      const nodes = NodeInserter.atStart(this.ownerOf(half), value.name);
      value.replaceAllUsesWith(nodes.add('Cast', [half], 'restored', { attributes: { to } }));
    }
  }

  private narrow(value: Value): void {
    const { type, opaque } = value;
    this.narrowed.set(value, { type, opaque });
    const known = type?.kind === 'tensor' ? type : this.types.get(value);
    value.type = tensorType(this.type, known?.shape ?? null);
    value.opaque = null;
  }

  private half(value: Value, user: Node): Value {
    if (this.narrowed.has(value)) return value;
    let half = this.halves.get(value);
    if (!half) {
      const isWeight = this.model.constantOf(value) !== null && !this.wide.has(value);
      half = isWeight ? this.convertWeight(value) : this.cast(value, user, this.type);
      this.halves.set(value, half);
    }
    return half;
  }

  private full(value: Value, user: Node): Value {
    let full = this.fulls.get(value);
    if (!full) {
      full = this.cast(value, user, 'float32');
      this.fulls.set(value, full);
    }
    return full;
  }

  private convertWeight(value: Value): Value {
    const graph = this.ownerOf(value);
    return graph.addInitializer(`${value.name}_${this.type}`, halfTensor(value.constant!, this.type));
  }

  private ownerOf(value: Value): Graph {
    return this.model.graph.initializers.has(value)
      ? this.model.graph
      : [...this.model.graph.allGraphs()].find((graph) => graph.initializers.has(value))!;
  }

  /** In the graph that `value` belongs to: a body may be computed many times, and others may need the same. */
  private cast(value: Value, user: Node, to: HalfType | 'float32'): Value {
    let anchor = user;
    while (anchor.graph?.parent && !belongsTo(value, anchor.graph)) anchor = anchor.graph.parent;
    return new NodeInserter(anchor, value.name).add('Cast', [value], to, {
      attributes: { to: intAttribute(dataTypeCode(to)) },
    });
  }
}

function belongsTo(value: Value, graph: Graph): boolean {
  if (value.producer) return value.producer.graph === graph;
  return graph.initializers.has(value) || graph.inputs.includes(value);
}
