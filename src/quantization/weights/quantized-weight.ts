// A quantized weight in a graph: its integers as an initializer, and its scales in whatever shape an operator wants them.
import type { Graph, Value } from '../../ir/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import { int64Tensor, MemoryTensor, sizeOf, typedArrayOf } from '../../tensor/index.js';
import type { QuantizationParameters } from '../parameters/parameters.js';

/** As many scales are worth a Reshape, so that they are stored once. */
const reshapedFrom = 256;

interface Constant {
  readonly kind: string;
  readonly shape: readonly number[];
  readonly value: Value;
}

export class QuantizedWeight {
  /** Holds the initializers; its nodes and those of its subgraphs may use them. */
  readonly graph: Graph;
  /** Of the float weight; what belongs to it is named after it. */
  readonly name: string;
  /** The integers. */
  readonly value: Value;
  readonly parameters: QuantizationParameters;
  /** Whether the last two axes are exchanged with respect to the float weight. */
  readonly transposed: boolean;
  private readonly constants: Constant[] = [];

  /** @param value integers of the type that `parameters` names: an initializer of `graph`, or made of such at its start. */
  constructor(
    graph: Graph,
    name: string,
    value: Value,
    parameters: QuantizationParameters,
    { transposed = false } = {},
  ) {
    this.graph = graph;
    this.name = name;
    this.parameters = parameters;
    this.transposed = transposed;
    this.value = value;
  }

  /** Number of scales. */
  get channels(): number {
    return this.parameters.scale.length;
  }

  /** `shape`, or [] when there is a single scale. */
  parameterShape(shape: readonly number[]): readonly number[] {
    return this.channels === 1 ? [] : shape;
  }

  get hasZeroPoint(): boolean {
    return this.parameters.zeroPoint.some((zero) => zero !== 0);
  }

  /**
   * The scales times `factor`, as float32 of `shape`, which holds one element per scale. Where another shape of them is there already,
   * a long list is a Reshape of it, which is folded when the session is created.
   */
  scale(shape: readonly number[], factor = 1): Value {
    const { scale } = this.parameters;
    const kind = `scale ${factor}`;
    const other = this.otherShape(kind);
    return this.constant(kind, shape, () => {
      if (other) return this.reshape(other.value, shape);
      const values = factor === 1 ? scale : scale.map((value) => value * factor);
      return this.graph.addInitializer(`${this.name}_scale`, new MemoryTensor('float32', shape, values));
    });
  }

  /** The zero points in the type of the integers: one for each scale or, as [] of a symmetric weight, the one that all share. */
  zeroPoint(shape: readonly number[]): Value {
    const { dataType, zeroPoint } = this.parameters;
    const other = this.otherShape('zero point');
    return this.constant('zero point', shape, () => {
      if (other) return this.reshape(other.value, shape);
      // The low bytes are the integers, signed or not.
      const integers = typedArrayOf(dataType, Uint8Array.from(zeroPoint.subarray(0, sizeOf(shape))));
      return this.graph.addInitializer(`${this.name}_zero_point`, new MemoryTensor(dataType, shape, integers));
    });
  }

  /** The same constant in another shape, where it is worth a Reshape. */
  private otherShape(kind: string): Constant | undefined {
    return this.channels < reshapedFrom ? undefined : this.constants.find((constant) => constant.kind === kind);
  }

  private constant(kind: string, shape: readonly number[], make: () => Value): Value {
    const known = this.constants.find((constant) => constant.kind === kind && String(constant.shape) === String(shape));
    if (known) return known.value;
    const value = make();
    this.constants.push({ kind, shape, value });
    return value;
  }

  private reshape(value: Value, shape: readonly number[]): Value {
    const target = this.graph.addInitializer(`${value.name}_shape`, int64Tensor([shape.length], shape));
    return NodeInserter.atStart(this.graph, value.name).add('Reshape', [value, target], 'reshaped');
  }
}
