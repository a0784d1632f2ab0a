// Adds nodes of ONNX opset 18 to a graph whose values all have known shapes, and keeps the shapes of what it adds.
import { internalError } from '../errors.js';
import { type Attribute, type Graph, intAttribute, intsAttribute, type Value } from '../ir/index.js';
import { type DataType, dataTypeCode, float32Tensor, int64Tensor, sizeOf, type Tensor } from '../tensor/index.js';
import { broadcastShapes } from './broadcast.js';

export type Shape = readonly number[];

interface OpOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
}

/** Operators that need no attributes and follow ONNX's broadcasting. */
type Binary =
  | 'Add'
  | 'Sub'
  | 'Mul'
  | 'Div'
  | 'Pow'
  | 'Equal'
  | 'Greater'
  | 'Less'
  | 'And'
  | 'GreaterOrEqual'
  | 'LessOrEqual';

export class GraphBuilder {
  readonly graph: Graph;
  /** Of every value of the graph. */
  readonly shapes: Map<Value, Shape>;
  private readonly stem: string;
  private readonly constants = new Map<string, Value>();
  private count = 0;

  /** New values are called `<stem>_<number>`. */
  constructor(graph: Graph, shapes: Map<Value, Shape>, stem = 'gradient') {
    this.graph = graph;
    this.shapes = shapes;
    this.stem = stem;
  }

  shapeOf(value: Value): Shape {
    const shape = this.shapes.get(value);
    if (!shape) throw internalError(`The shape of ${value.name} is not known`);
    return shape;
  }

  /** A node with one output of `shape`. */
  op(opType: string, inputs: readonly (Value | null)[], shape: Shape, options: OpOptions = {}): Value {
    return this.ops(opType, inputs, [shape], options)[0];
  }

  /** A node with an output for each of `shapes`; null leaves an optional one out. */
  ops(
    opType: string,
    inputs: readonly (Value | null)[],
    shapes: readonly (Shape | null)[],
    options: OpOptions = {},
  ): Value[] {
    const outputs = shapes.map((shape) => (shape ? this.freeName() : ''));
    const node = this.graph.append({ opType, inputs, outputs, ...options });
    return shapes.flatMap((shape, index) => {
      if (!shape) return [];
      const output = node.outputs[index]!;
      this.shapes.set(output, shape);
      return [output];
    });
  }

  constant(tensor: Tensor): Value {
    const value = this.graph.addInitializer(this.freeName(), tensor);
    this.shapes.set(value, tensor.shape);
    return value;
  }

  /** A constant float32 scalar. */
  scalar(value: number): Value {
    return this.shared(`f ${value}`, () => float32Tensor([], [value]));
  }

  /** A constant vector of int64. */
  ints(values: readonly number[]): Value {
    return this.shared(`i ${values}`, () => int64Tensor([values.length], values));
  }

  /** A float32 tensor of `shape` with the same value everywhere, expanded when the graph runs. */
  filled(shape: Shape, value: number): Value {
    if (shape.length === 0) return this.scalar(value);
    return this.op('Expand', [this.scalar(value), this.ints(shape)], shape);
  }

  unary(opType: string, value: Value, attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.op(opType, [value], this.shapeOf(value), { attributes });
  }

  binary(opType: Binary, a: Value, b: Value): Value {
    return this.op(opType, [a, b], broadcastShapes(this.shapeOf(a), this.shapeOf(b)));
  }

  add(a: Value, b: Value): Value {
    return this.binary('Add', a, b);
  }

  sub(a: Value, b: Value): Value {
    return this.binary('Sub', a, b);
  }

  mul(a: Value, b: Value): Value {
    return this.binary('Mul', a, b);
  }

  div(a: Value, b: Value): Value {
    return this.binary('Div', a, b);
  }

  neg(value: Value): Value {
    return this.unary('Neg', value);
  }

  scale(value: Value, factor: number): Value {
    return factor === 1 ? value : this.mul(value, this.scalar(factor));
  }

  square(value: Value): Value {
    return this.mul(value, value);
  }

  /** `condition ? yes : no`, element-wise. */
  where(condition: Value, yes: Value, no: Value): Value {
    const shape = [condition, yes, no].map((value) => this.shapeOf(value)).reduce(broadcastShapes);
    return this.op('Where', [condition, yes, no], shape);
  }

  cast(value: Value, to: DataType): Value {
    return this.unary('Cast', value, { to: intAttribute(dataTypeCode(to)) });
  }

  reshape(value: Value, shape: Shape): Value {
    const old = this.shapeOf(value);
    if (old.length === shape.length && old.every((dim, axis) => dim === shape[axis])) return value;
    if (sizeOf(old) !== sizeOf(shape)) throw internalError(`${value.name} [${old}] cannot become [${shape}]`);
    // 0 would mean "as it was".
    return this.op('Reshape', [value, this.ints(shape)], shape, { attributes: { allowzero: intAttribute(1) } });
  }

  transpose(value: Value, permutation: readonly number[]): Value {
    if (permutation.every((from, to) => from === to)) return value;
    const shape = this.shapeOf(value);
    return this.op(
      'Transpose',
      [value],
      permutation.map((axis) => shape[axis]),
      {
        attributes: { perm: intsAttribute(permutation) },
      },
    );
  }

  /** The last two axes exchanged. */
  transposeLast(value: Value): Value {
    const rank = this.shapeOf(value).length;
    const order = Array.from({ length: rank }, (_, axis) => axis);
    return this.transpose(value, [...order.slice(0, -2), rank - 1, rank - 2]);
  }

  /** MatMul of operands of at least two axes. */
  matMul(a: Value, b: Value): Value {
    const [left, right] = [this.shapeOf(a), this.shapeOf(b)];
    const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
    return this.op('MatMul', [a, b], [...batch, left[left.length - 2], right[right.length - 1]]);
  }

  expand(value: Value, shape: Shape): Value {
    const old = this.shapeOf(value);
    if (old.length === shape.length && old.every((dim, axis) => dim === shape[axis])) return value;
    return this.op('Expand', [value, this.ints(shape)], shape);
  }

  reduce(
    opType: 'ReduceSum' | 'ReduceMean' | 'ReduceMax',
    value: Value,
    axes: readonly number[],
    { keep = false }: { readonly keep?: boolean } = {},
  ): Value {
    const old = this.shapeOf(value);
    if (axes.length === 0) return value;
    const shape = old.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
    return this.op(opType, [value, this.ints(axes)], shape, { attributes: { keepdims: intAttribute(keep ? 1 : 0) } });
  }

  /** Sums of all elements, as a scalar. */
  sumAll(value: Value): Value {
    return this.reduce('ReduceSum', value, this.axesOf(value));
  }

  meanAll(value: Value): Value {
    return this.reduce('ReduceMean', value, this.axesOf(value));
  }

  /** Sums over the axes along which `shape` was broadcast to the shape of `value`. */
  sumTo(value: Value, shape: Shape): Value {
    const old = this.shapeOf(value);
    const added = old.length - shape.length;
    const axes = old.flatMap((dim, axis) => (axis < added || (shape[axis - added] === 1 && dim !== 1) ? [axis] : []));
    return this.reshape(this.reduce('ReduceSum', value, axes, { keep: true }), shape);
  }

  /** Elements [start, end) of one axis with a step. */
  slice(value: Value, axis: number, start: number, end: number, step = 1): Value {
    return this.sliceAxes(value, [axis], [start], [end], [step]);
  }

  sliceAxes(
    value: Value,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[],
  ): Value {
    const shape = [...this.shapeOf(value)];
    const whole = axes.every((axis, i) => starts[i] === 0 && ends[i] === shape[axis] && steps[i] === 1);
    if (whole) return value;
    for (const [i, axis] of axes.entries()) shape[axis] = Math.max(0, Math.ceil((ends[i] - starts[i]) / steps[i]));
    return this.op('Slice', [value, ...[starts, ends, axes, steps].map((list) => this.ints(list))], shape);
  }

  /** All elements of some axes in reverse order. */
  flip(value: Value, axes: readonly number[]): Value {
    const shape = this.shapeOf(value);
    const moving = axes.filter((axis) => shape[axis] > 1);
    if (moving.length === 0) return value;
    const lists = [moving.map(() => -1), moving.map(() => -(2 ** 31)), moving, moving.map(() => -1)];
    return this.op('Slice', [value, ...lists.map((list) => this.ints(list))], shape);
  }

  /** Adds zeros before and after each axis; negative numbers cut off. */
  pad(value: Value, before: readonly number[], after: readonly number[]): Value {
    if ([...before, ...after].every((length) => length === 0)) return value;
    const shape = this.shapeOf(value).map((dim, axis) => dim + before[axis] + after[axis]);
    return this.op('Pad', [value, this.ints([...before, ...after])], shape);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0];
    const shape = [...this.shapeOf(values[0])];
    shape[axis] = values.reduce((sum, value) => sum + this.shapeOf(value)[axis], 0);
    return this.op('Concat', values, shape, { attributes: { axis: intAttribute(axis) } });
  }

  softmax(value: Value, axis: number, opType: 'Softmax' | 'LogSoftmax' = 'Softmax'): Value {
    return this.unary(opType, value, { axis: intAttribute(axis) });
  }

  clip(value: Value, low: number, high: number): Value {
    return this.op('Clip', [value, this.scalar(low), this.scalar(high)], this.shapeOf(value));
  }

  private axesOf(value: Value): number[] {
    return this.shapeOf(value).map((_, axis) => axis);
  }

  private shared(key: string, make: () => Tensor): Value {
    let value = this.constants.get(key);
    if (!value) {
      value = this.constant(make());
      this.constants.set(key, value);
    }
    return value;
  }

  /** For a value that is added otherwise. */
  freeName(): string {
    return this.graph.scope.uniqueName(`${this.stem}_${this.count++}`);
  }
}
