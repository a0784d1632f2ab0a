// What the rules of operators say about axes: which coordinates belong together, which are summed over, which must stay.
import type { Dimension, Model, Node, TensorType, Value } from '../../ir/index.js';
import { tensorOfConstant } from '../../ops/index.js';
import { bitsPerElement, type Tensor } from '../../tensor/index.js';
import { type Axis, longestAxis } from './axis.js';
import { type Composition, decideCompositions } from './compositions.js';
import { CoordinateClasses } from './coordinate-classes.js';
import { ShapeEntries } from './shape-entries.js';

/** Longer vectors of integers are neither shapes nor indices of channels. */
const mostNumbers = 1 << 17;

/** What an axis of a weight is to the node that uses it: its products are summed over, or each of its coordinates makes a channel. */
export type AxisRole = 'contracted' | 'produced';

/** The tensor of one operand of a node, when it is constant. */
export interface ConstantOperand {
  readonly node: Node;
  readonly index: number;
  readonly value: Value;
  readonly axes: readonly Axis[];
}

export class Relations {
  readonly model: Model;
  readonly classes = new CoordinateClasses();
  /** Every axis with coordinates, in the order of their numbers. */
  readonly allAxes: Axis[] = [];
  readonly roles = new Map<Axis, AxisRole>();
  readonly operands: ConstantOperand[] = [];
  readonly shapes: ShapeEntries = new ShapeEntries(this);
  private readonly types: ReadonlyMap<Value, TensorType>;
  private readonly ofValues = new Map<Value, readonly Axis[] | null>();
  private readonly ofUses = new Map<Node, Map<number, readonly Axis[]>>();
  private readonly compositions: Composition[] = [];
  private readonly equalities: [Axis, Axis, string][] = [];

  constructor(model: Model, types: ReadonlyMap<Value, TensorType>) {
    this.model = model;
    this.types = types;
  }

  /** The axes of a value; null when its rank is not known. */
  axes(value: Value): readonly Axis[] | null {
    const known = this.ofValues.get(value);
    if (known !== undefined) return known;
    const shape = this.model.constantOf(value)?.shape ?? this.types.get(value)?.shape ?? null;
    const axes = shape?.map((length, axis) => this.axis(`${value.name} axis ${axis}`, length)) ?? null;
    this.ofValues.set(value, axes);
    return axes;
  }

  /**
   * The axes of input `index`. A constant vector (a bias, a scale) has axes of its own for every use: equal ones are often stored once
   * without belonging together, and each user can get its own.
   */
  operand(node: Node, index: number): readonly Axis[] | null {
    const value = node.input(index);
    if (!value) return null;
    const tensor = this.model.constantOf(value);
    if (!tensor) return this.axes(value);
    const uses = this.ofUses.get(node) ?? new Map<number, readonly Axis[]>();
    this.ofUses.set(node, uses);
    const known = uses.get(index);
    if (known) return known;
    const isVector = tensor.shape.filter((length) => length > 1).length <= 1;
    const axes = isVector
      ? tensor.shape.map((length, axis) => this.axis(`${value.name} axis ${axis}`, length))
      : this.axes(value)!;
    uses.set(index, axes);
    if (bitsPerElement(tensor.dataType) < 8) this.freezeAll(axes, `${value.name} is stored as ${tensor.dataType}`);
    this.operands.push({ node, index, value, axes });
    return axes;
  }

  /** The axes of output `index`. */
  result(node: Node, index = 0): readonly Axis[] | null {
    const value = node.outputs[index];
    return value ? this.axes(value) : null;
  }

  /** The elements of a constant vector or scalar of integers, an initializer or the output of Constant; null for anything else. */
  numbers(value: Value | null): number[] | null {
    const tensor = value && (this.model.constantOf(value) ?? constantOutput(value));
    if (!tensor || tensor.shape.length > 1 || tensor.size > mostNumbers) return null;
    return tensor.dataType === 'int64' || tensor.dataType === 'int32' ? tensor.readNumbers() : null;
  }

  /** An axis of no tensor: a part of others. */
  part(place: string, length: number | null): Axis {
    return this.axis(place, length);
  }

  private axis(place: string, dimension: Dimension): Axis {
    const symbol = typeof dimension === 'string' ? dimension : null;
    const listed = typeof dimension === 'number' && dimension <= longestAxis;
    if (!listed) return { place, length: null, symbol, first: -1 };
    const axis = { place, length: dimension, symbol, first: this.classes.allocate(dimension) };
    this.allAxes.push(axis);
    return axis;
  }

  /** Coordinate `i` of the one goes with coordinate `i` of the other. */
  tie(a: Axis | undefined, b: Axis | undefined): void {
    if (!a || !b) return;
    if (a.length !== null && a.length === b.length) this.tieRange(a, 0, b, 0, a.length);
    else this.freezeAll([a, b], `a dynamic shape hides the length of ${a.length === null ? a.place : b.place}`);
  }

  /** `count` coordinates of `a` from `fromA` on go with those of `b` from `fromB` on. */
  tieRange(a: Axis, fromA: number, b: Axis, fromB: number, count: number): void {
    for (let index = 0; index < count; index++) this.join(a, fromA + index, b, fromB + index);
  }

  join(a: Axis, atA: number, b: Axis, atB: number): void {
    this.classes.join(a.first + atA, b.first + atB);
  }

  /** A sum of products runs over both. */
  contract(a: Axis | undefined, b: Axis | undefined): void {
    this.tie(a, b);
    for (const axis of [a, b]) if (axis) this.roles.set(axis, 'contracted');
  }

  /** Each coordinate of an axis of a weight makes one of the channels of a result. */
  produce(weight: Axis | undefined, channels: Axis | undefined): void {
    this.tie(weight, channels);
    if (weight) this.roles.set(weight, 'produced');
  }

  /** `whole` is made of `parts`, the outermost first. */
  compose(whole: Axis, parts: readonly Axis[], node: Node, prefers: Composition['prefers'] = 'outermost'): void {
    const place = `${node.opType} ${node.name || node.outputs[0]?.name}`;
    const known = parts.every(({ length }) => length !== null);
    const product = parts.reduce((size, { length }) => size * (length ?? 0), 1);
    if (whole.length === null || !known || product !== whole.length) {
      this.freezeAll([whole, ...parts], `${place} mixes channels with an axis of unknown length`);
      return;
    }
    const real = parts.filter(({ length }) => length !== 1);
    if (real.length === 1) this.tie(whole, real[0]);
    else this.compositions.push({ whole, parts: real, prefers, place });
  }

  /** The length of `source` is used as that of `target` when the model runs, so both must lose the same coordinates. */
  mustMatch(source: Axis, target: Axis, reason: string): void {
    this.equalities.push([source, target, reason]);
  }

  freeze(axis: Axis | undefined, reason: string): void {
    for (let index = 0; index < (axis?.length ?? 0); index++) this.classes.freeze(axis!.first + index, reason);
  }

  freezeAll(axes: Iterable<Axis> | null, reason: string): void {
    for (const axis of axes ?? []) this.freeze(axis, reason);
  }

  /** Nothing that the node takes or gives may change. */
  freezeNode(node: Node, reason: string): void {
    for (const index of node.inputs.keys()) this.freezeAll(this.operand(node, index), reason);
    for (const index of node.outputs.keys()) this.freezeAll(this.result(node, index), reason);
  }

  /** Draws the conclusions; nothing is added afterwards. */
  conclude(): void {
    decideCompositions(this.classes, this.compositions);
    for (const [source, target, reason] of this.equalities) {
      if (!this.areTied(source, target)) this.freezeAll([source, target], reason);
    }
  }

  private areTied(a: Axis, b: Axis): boolean {
    if (a.length === null || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) {
      if (this.classes.find(a.first + index) !== this.classes.find(b.first + index)) return false;
    }
    return true;
  }
}

function constantOutput(value: Value): Tensor | null {
  const tensor = value.producer?.is('Constant') ? tensorOfConstant(value.producer) : null;
  return typeof tensor === 'string' ? null : tensor;
}
