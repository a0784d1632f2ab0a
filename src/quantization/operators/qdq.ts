// QuantizeLinear and DequantizeLinear around what onnxruntime is to compute with integers. Scales and zero points of activations are 0-d
// (its kernels refuse one-element lists), zero points that are zero are left out for weights and biases.
import {
  type Attribute,
  type Graph,
  intAttribute,
  type Model,
  type Node,
  type Use,
  type Value,
} from '../../ir/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import { float32Tensor, MemoryTensor, type Tensor, typedArrayOf } from '../../tensor/index.js';
import type { QuantizationParameters } from '../parameters/parameters.js';
import { type QuantizedType, quantizedBits } from '../parameters/scheme.js';

/** Nodes and constants of one graph; constants that are equal are made once. */
export class QdqInserter {
  private readonly graph: Graph;
  private readonly domain: string;
  private readonly constants = new Map<string, Value>();

  /**
   * Nodes go into the main graph of `model`. Where its opset is older than the operators (per axis from 13, 16 bits from 21), they are
   * those of com.microsoft, which onnxruntime knows at any opset and treats alike.
   */
  constructor(model: Model, activationType: QuantizedType) {
    this.graph = model.graph;
    this.domain = model.opset >= (quantizedBits(activationType) === 16 ? 21 : 13) ? '' : 'com.microsoft';
    if (this.domain !== '' && !model.opsetImports.has(this.domain)) model.opsetImports.set(this.domain, 1);
  }

  /**
   * Lets `uses` take `value` rounded to the grid of `parameters` (one scale), and the outputs of the graph that it is with `outputs`.
   * Adds QuantizeLinear and DequantizeLinear behind the node that computes it, and returns what the latter gives. With `apart`, a Max of one value stands
   * in front of them: onnxruntime then leaves what computes the value as it is.
   */
  quantizeActivation(
    value: Value,
    parameters: QuantizationParameters,
    uses: readonly Use[],
    { outputs = false, apart = false } = {},
  ): Value {
    const restored = this.addPair(apart ? this.copyOf(value) : value, parameters);
    for (const { node, index } of uses) node.replaceInput(index, restored);
    if (outputs && value.isGraphOutput) takeOver(value, restored);
    return restored;
  }

  /** The integers that `restored` is made of, read in other steps. */
  restoreAs(restored: Value, parameters: QuantizationParameters): Value {
    const { producer } = restored;
    return this.graph.insertAfter(producer!, {
      opType: 'DequantizeLinear',
      domain: this.domain,
      inputs: [producer!.input(0)!, ...this.parameters(restored.name, parameters)],
      outputs: [this.graph.scope.uniqueName(`${restored.name}_scaled`)],
    }).output;
  }

  /** A positive number as the last level of a type of integers, restored; in front of all nodes. */
  quantizedConstant(name: string, value: number, { dataType, minimum, maximum }: QuantizationParameters): Value {
    const { graph } = this;
    const step = value / (maximum - minimum);
    const grid = { dataType, scale: Float32Array.of(step), zeroPoint: Int32Array.of(minimum), minimum, maximum };
    const level = graph.addInitializer(`${name}_quantized`, integerTensor(dataType, [], Int32Array.of(maximum)));
    return NodeInserter.atStart(graph, name).add(
      'DequantizeLinear',
      [level, ...this.parameters(name, grid)],
      'restored',
      {
        domain: this.domain,
      },
    );
  }

  /** The zero point of a grid, as a scalar of its type. */
  zeroPoint({ dataType, zeroPoint }: QuantizationParameters): Value {
    return this.constant(`${dataType} ${zeroPoint[0]}`, `${dataType}_${zeroPoint[0]}`, () =>
      integerTensor(dataType, [], zeroPoint),
    );
  }

  /**
   * Integers (a tensor, or int8 that constants give) with one scale, or one for each index along `axis`, as the float tensor they stand for. Zero points are left out where all
   * are zero, unless `zeroPoints` asks for them: the integer Gemm is not found without those of its weight.
   * @param anchor what comes in front of.
   */
  restoreConstant(
    anchor: Node,
    name: string,
    integers: Tensor | Value,
    { scale, zeroPoint }: Pick<QuantizationParameters, 'scale' | 'zeroPoint'>,
    { axis, zeroPoints = false }: { readonly axis: number; readonly zeroPoints?: boolean },
  ): Value {
    const { graph } = this;
    const shape = scale.length === 1 ? [] : [scale.length];
    const stored = 'name' in integers ? integers : graph.addInitializer(`${name}_quantized`, integers);
    const storedType = 'name' in integers ? 'int8' : (integers.dataType as QuantizedType);
    // Four bits become eight when a session is created; DequantizeLinear of them would find no integer kernel.
    const dataType = storedType === 'int4' ? 'int8' : storedType;
    const inputs = [new NodeInserter(anchor, name).cast(stored, storedType, dataType, dataType)];
    inputs.push(graph.addInitializer(`${name}_scale`, float32Tensor(shape, scale)));
    if (zeroPoints || zeroPoint.some((zero) => zero !== 0)) {
      inputs.push(
        this.constant(`${dataType} [${shape}] ${zeroPoint}`, `${name}_zero_point`, () =>
          integerTensor(dataType, shape, zeroPoint),
        ),
      );
    }
    const attributes: Record<string, Attribute> = scale.length === 1 ? {} : { axis: intAttribute(axis) };
    return new NodeInserter(anchor, name).add('DequantizeLinear', inputs, 'dequantized', {
      domain: this.domain,
      attributes,
    });
  }

  /** Lets all that takes `value`, which a node computes, take a Max of that one value. */
  keepApart(value: Value): void {
    const uses = [...value.uses];
    const copy = this.copyOf(value);
    for (const { node, index } of uses) node.replaceInput(index, copy);
  }

  private copyOf(value: Value): Value {
    const outputs = [this.graph.scope.uniqueName(`${value.name}_apart`)];
    return this.graph.insertAfter(value.producer!, { opType: 'Max', inputs: [value], outputs }).output;
  }

  private addPair(value: Value, parameters: QuantizationParameters): Value {
    const { graph, domain } = this;
    const constants = this.parameters(value.name, parameters);
    const pair = { inputs: [value, ...constants], outputs: [graph.scope.uniqueName(`${value.name}_quantized`)] };
    const { producer } = value;
    const first = producer ? null : graph.nodes().next().value!;
    const quantize = producer
      ? graph.insertAfter(producer, { opType: 'QuantizeLinear', domain, ...pair })
      : graph.insertBefore(first!, { opType: 'QuantizeLinear', domain, ...pair });
    return graph.insertAfter(quantize, {
      opType: 'DequantizeLinear',
      domain,
      inputs: [quantize.output, ...constants],
      outputs: [graph.scope.uniqueName(`${value.name}_dequantized`)],
    }).output;
  }

  /** Scale and zero point, as scalars. */
  private parameters(name: string, parameters: QuantizationParameters): Value[] {
    const [step] = parameters.scale;
    const scale = this.constant(`scale ${step}`, `${name}_scale`, () => float32Tensor([], [step]));
    return [scale, this.zeroPoint(parameters)];
  }

  private constant(key: string, name: string, make: () => Tensor): Value {
    const known = this.constants.get(key);
    if (known) return known;
    const value = this.graph.addInitializer(name, make());
    this.constants.set(key, value);
    return value;
  }
}

/** Makes `restored` the graph output that `value`, from which it is computed, was. */
function takeOver(value: Value, restored: Value): void {
  const { name, type, opaque } = value;
  for (const graph of [...value.outputOf]) graph.replaceOutput(value, restored);
  value.rename(`${restored.name}_exact`);
  restored.rename(name);
  restored.type = type;
  restored.opaque = opaque;
}

function integerTensor(
  dataType: QuantizationParameters['dataType'],
  shape: readonly number[],
  values: Int32Array,
): Tensor {
  const wide = dataType.endsWith('16');
  const bytes = wide ? new Uint8Array(Uint16Array.from(values).buffer) : Uint8Array.from(values);
  return new MemoryTensor(dataType, shape, typedArrayOf(dataType, bytes));
}
