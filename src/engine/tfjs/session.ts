// A graph that TensorFlow.js executes, node by node. Weights are uploaded once; what a node made is disposed of behind its last use, so that memory
// stays the same from run to run.
import { unsupportedModel } from '../../errors.js';
import type { Model, Node, TensorType, Value } from '../../ir/index.js';
import { byOperator } from '../../ops/index.js';
import { type DataType, MemoryTensor, type Tensor, type TypedArray } from '../../tensor/index.js';
import type { Feeds, ProfileEvent, Session, ValueInfo } from '../engine.js';
import type { Tfjs, TfTensor } from './backend.js';
import type { Operator, OperatorContext } from './operator.js';
import { operators } from './operators/index.js';

interface Step {
  readonly node: Node;
  readonly run: Operator;
  /** Values that nothing needs behind this step. */
  readonly last: readonly Value[];
}

/** Constants of at most this many elements are kept as numbers too: axes, shapes, positions. */
const mostNumbers = 1 << 16;

export class TfjsSession implements Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  private readonly tf: Tfjs;
  private readonly model: Model;
  private readonly steps: readonly Step[];
  private readonly weights = new Map<Value, TfTensor>();

  /** Throws MODEL_UNSUPPORTED for operators that are not in the table, all of them listed. */
  constructor(tf: Tfjs, model: Model) {
    this.tf = tf;
    this.model = model;
    const { graph } = model;
    this.inputs = graph.inputs.filter(({ isInitializer }) => !isInitializer).map(describe);
    this.outputs = graph.outputs.map(describe);
    this.steps = planSteps(model);
    for (const value of graph.initializers) this.weights.set(value, upload(tf, value.constant!));
  }

  async run(
    feeds: Feeds,
    outputs: readonly string[] = this.outputs.map(({ name }) => name),
  ): Promise<Record<string, Tensor>> {
    const { tf, model } = this;
    const live = new Map<Value, TfTensor>();
    const wanted = outputs.map((name) => this.output(name));
    try {
      for (const input of model.graph.inputs) {
        if (input.isInitializer) continue;
        const tensor = feeds[input.name];
        if (!tensor) throw unsupportedModel(`Input ${input.name} was not given`);
        live.set(input, upload(tf, tensor));
      }
      for (const step of this.steps) this.execute(step, live);
      const results: Record<string, Tensor> = {};
      for (const value of wanted) results[value.name] = await this.download(value, live);
      return results;
    } finally {
      for (const tensor of live.values()) tensor.dispose();
    }
  }

  async profile(): Promise<readonly ProfileEvent[]> {
    return [];
  }

  async close(): Promise<void> {
    for (const tensor of this.weights.values()) tensor.dispose();
    this.weights.clear();
  }

  private execute({ node, run, last }: Step, live: Map<Value, TfTensor>): void {
    const { tf, weights, model } = this;
    const inputs = node.inputs.map((value) => (value ? (live.get(value) ?? weights.get(value) ?? null) : null));
    const context: OperatorContext = {
      tf,
      node,
      opset: model.opset,
      inputs,
      input(index) {
        const tensor = inputs[index];
        if (!tensor) throw unsupportedModel(`${node.opType} "${node.name}" has no input ${index}`);
        return tensor;
      },
      numbers: (index) => constantNumbers(node, index),
    };
    const made = tf.tidy(() => {
      const result = run(context);
      const all = (Array.isArray(result) ? result : [result]) as (TfTensor | null)[];
      // What is handed through has an owner already.
      return all.map((tensor) => (tensor && inputs.includes(tensor) ? tensor.clone() : tensor)) as TfTensor[];
    });
    for (const [index, tensor] of made.entries()) {
      const output = node.outputs[index];
      if (output?.isUsed) live.set(output, tensor);
      else tensor?.dispose();
    }
    for (const value of last) {
      live.get(value)?.dispose();
      live.delete(value);
    }
  }

  private output(name: string): Value {
    const value = this.model.graph.outputs.find((output) => output.name === name);
    if (!value) throw unsupportedModel(`The model has no output ${name}`);
    return value;
  }

  /** As the type that the model declares. */
  private async download(value: Value, live: ReadonlyMap<Value, TfTensor>): Promise<Tensor> {
    const tensor = live.get(value) ?? this.weights.get(value);
    if (!tensor) throw unsupportedModel(`Output ${value.name} was not computed`);
    const values = await tensor.data();
    const dataType: DataType =
      value.type?.kind === 'tensor' ? value.type.dataType : tensor.dtype === 'float32' ? 'float32' : 'int64';
    return new MemoryTensor(dataType, tensor.shape, asType(values as Float32Array | Int32Array | Uint8Array, dataType));
  }
}

function describe({ name, type }: Value): ValueInfo {
  return { name, type: type?.kind === 'tensor' ? (type as TensorType) : null };
}

function planSteps(model: Model): Step[] {
  const nodes = [...model.graph.nodes()];
  const missing = new Set<string>();
  const lastUse = new Map<Value, number>();
  for (const [index, node] of nodes.entries()) {
    if (!byOperator(operators, node.qualifiedType)) missing.add(node.qualifiedType);
    for (const input of node.inputs) if (input) lastUse.set(input, index);
  }
  if (missing.size > 0) {
    throw unsupportedModel(
      `TensorFlow.js does not know ${[...missing].sort().join(', ')}`,
      'The backend onnxruntime runs every operator.',
    );
  }
  const ends = new Map<number, Value[]>();
  for (const [value, index] of lastUse) {
    if (value.isGraphOutput || value.isInitializer) continue;
    ends.set(index, [...(ends.get(index) ?? []), value]);
  }
  return nodes.map((node, index) => ({
    node,
    run: byOperator(operators, node.qualifiedType)!,
    last: ends.get(index) ?? [],
  }));
}

function constantNumbers(node: Node, index: number): readonly number[] | null {
  const value = node.input(index);
  if (!value) return null;
  const { constant } = value;
  if (!constant || constant.size > mostNumbers) {
    throw unsupportedModel(`Input ${index} of ${node.opType} "${node.name}" is computed, and tfjs needs to know it`);
  }
  return constant.readNumbers();
}

/** Integers become int32, floats float32. */
function upload(tf: Tfjs, tensor: Tensor): TfTensor {
  const shape = [...tensor.shape];
  switch (tensor.dataType) {
    case 'float32':
      return tf.tensor(tensor.readFloat32(), shape, 'float32');
    case 'float16':
    case 'bfloat16':
    case 'float64':
      return tf.tensor(tensor.readFloat32(), shape, 'float32');
    case 'bool':
      return tf.tensor(Uint8Array.from(tensor.readNumbers()), shape, 'bool');
    case 'string':
      throw unsupportedModel('TensorFlow.js is not given strings here');
    default:
      return tf.tensor(Int32Array.from(tensor.readNumbers(), clampToInt32), shape, 'int32');
  }
}

function clampToInt32(value: number): number {
  return Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1);
}

function asType(values: Float32Array | Int32Array | Uint8Array, dataType: DataType): TypedArray {
  switch (dataType) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    case 'int64':
      return BigInt64Array.from(values as Int32Array, (value) => BigInt(Math.round(value)));
    case 'int32':
      return Int32Array.from(values);
    case 'int8':
      return Int8Array.from(values);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values);
    default:
      throw unsupportedModel(`TensorFlow.js gives no ${dataType} here`);
  }
}
