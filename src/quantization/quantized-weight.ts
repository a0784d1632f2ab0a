// A quantized weight in a graph: its integers as an initializer, and its scales in whatever shape an operator wants them.
import type { Graph, Value } from '../ir/index.js';
import { MemoryTensor, type Tensor, typedArrayOf } from '../tensor/index.js';
import type { QuantizationParameters } from './parameters.js';

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
  private readonly constants = new Map<string, Value>();

  /** @param integers of the type that `parameters` names. */
  constructor(
    graph: Graph,
    name: string,
    integers: Tensor,
    parameters: QuantizationParameters,
    { transposed = false } = {},
  ) {
    this.graph = graph;
    this.name = name;
    this.parameters = parameters;
    this.transposed = transposed;
    this.value = graph.addInitializer(`${name}_${parameters.dataType}`, integers);
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

  /** The scales times `factor` as a float32 initializer of `shape`, which holds one element per scale. */
  scale(shape: readonly number[], factor = 1): Value {
    return this.constant(`scale [${shape}] ${factor}`, 'scale', () => {
      const scale = factor === 1 ? this.parameters.scale : this.parameters.scale.map((value) => value * factor);
      return new MemoryTensor('float32', shape, scale);
    });
  }

  /** The zero points in the type of the integers. */
  zeroPoint(shape: readonly number[]): Value {
    const { dataType, zeroPoint } = this.parameters;
    // The low bytes are the integers, signed or not.
    const make = () => new MemoryTensor(dataType, shape, typedArrayOf(dataType, Uint8Array.from(zeroPoint)));
    return this.constant(`zero point [${shape}]`, 'zero_point', make);
  }

  private constant(key: string, suffix: string, make: () => Tensor): Value {
    let value = this.constants.get(key);
    if (!value) {
      value = this.graph.addInitializer(`${this.name}_${suffix}`, make());
      this.constants.set(key, value);
    }
    return value;
  }
}
