// Operators that move elements or change shapes, where they leave both as they are.
import type { Dimension, Node, TensorType, Value } from '../../src/ir/index.js';
import type { Facts, Rule } from './rule.js';

/** "To the end", as exporters write it: the largest int32 or beyond. */
const toTheEnd = 2 ** 31 - 1;

export const shapeRules: Readonly<Record<'anywhere' | 'withTypes', Readonly<Record<string, Rule>>>> = {
  anywhere: {
    Pad: (node, facts) => (padding(node, facts)?.every((count) => count === 0) ? node.input(0) : null),
    Tile: (node, facts) => {
      const repeats = facts.opset >= 6 ? numbers(facts, node.input(1)) : null;
      return repeats?.every((count) => count === 1) ? node.input(0) : null;
    },
    Transpose: (node) => {
      const order = node.attributes.ints('perm');
      if (order === null) return null;
      if (isInOrder(order)) return isOfQuantizedImages(node) ? null : node.input(0);
      const before = node.input(0)?.producer;
      const first = before?.is('Transpose') ? before.attributes.ints('perm') : null;
      // The second of two Transposes that undo each other.
      return first && isInOrder(order.map((axis) => first[axis])) ? (before?.input(0) ?? null) : null;
    },
  },
  withTypes: {
    Expand: (node, facts) => {
      const input = node.input(0);
      const rank = input && facts.type(input)?.shape?.length;
      const wanted = numbers(facts, node.input(1));
      const onlyOnes = rank != null && wanted !== null && wanted.length <= rank && wanted.every((dim) => dim === 1);
      return onlyOnes ? input : sameStaticShape(node, facts);
    },
    Flatten: (node, facts) => {
      const input = node.input(0);
      const matrix = input !== null && facts.type(input)?.shape?.length === 2;
      return matrix && node.attributes.int('axis', 1) === 1 ? input : null;
    },
    Reshape: (node, facts) => keepsShape(node, facts) ?? sameStaticShape(node, facts),
    Slice: (node, facts) => (keepsEverything(node, facts) ? node.input(0) : null),
    Squeeze: sameStaticShape,
    Unsqueeze: sameStaticShape,
  },
};

/** Directly behind QuantizeLinear, where quantize-static puts one that keeps onnxruntime from turning images in each block. */
function isOfQuantizedImages(node: Node): boolean {
  return node.input(0)?.producer?.opType === 'QuantizeLinear';
}

function isInOrder(order: readonly number[]): boolean {
  return order.every((axis, index) => axis === index);
}

/** The elements of a small constant. */
function numbers(facts: Facts, value: Value | null): number[] | null {
  const tensor = facts.constant(value);
  return tensor && tensor.size <= 64 ? tensor.readNumbers() : null;
}

function padding(node: Node, facts: Facts): readonly number[] | null {
  if (facts.opset >= 11) return numbers(facts, node.input(1));
  return node.attributes.ints('pads') ?? node.attributes.ints('paddings');
}

/** The input of an operator that keeps the order of elements, where both shapes are known in numbers and equal. */
function sameStaticShape(node: Node, facts: Facts): Value | null {
  const input = node.input(0);
  const from = input && facts.type(input)?.shape;
  const to = staticShape(facts.type(node.output));
  return from && to && from.length === to.length && from.every((dim, axis) => dim === to[axis]) ? input : null;
}

function staticShape(type: TensorType | null): readonly number[] | null {
  const shape = type?.shape;
  return shape?.every((dim): dim is number => typeof dim === 'number') ? (shape as readonly number[]) : null;
}

/** Reshape whose target names, dimension by dimension, what is there already; one dimension may be left to count. */
function keepsShape(node: Node, facts: Facts): Value | null {
  const input = node.input(0);
  const from = input && facts.type(input)?.shape;
  const to = facts.opset >= 5 ? numbers(facts, node.input(1)) : node.attributes.ints('shape');
  if (!from || !to || from.length !== to.length || node.attributes.int('allowzero', 0) !== 0) return null;
  const stays = (dim: Dimension, axis: number): boolean => to[axis] === 0 || (to[axis] > 0 && to[axis] === dim);
  const counted = to.filter((dim) => dim === -1).length;
  return from.filter(stays).length === from.length - counted && counted <= 1 ? input : null;
}

/** Slice from the first to the last element of every axis it names. */
function keepsEverything(node: Node, facts: Facts): boolean {
  const input = node.input(0);
  const shape = input && facts.type(input)?.shape;
  const read = (name: string, index: number): readonly number[] | null =>
    facts.opset >= 10 ? numbers(facts, node.input(index)) : node.attributes.ints(name);
  const starts = read('starts', 1);
  const ends = read('ends', 2);
  const axes = read('axes', 3) ?? starts?.map((_, index) => index);
  const given = facts.opset >= 10 && node.input(4) !== null;
  const steps = given ? read('steps', 4) : starts?.map(() => 1);
  // Axes that are given but not constant say nothing.
  if (!starts || !ends || !axes || !steps || (node.input(3) !== null && facts.constant(node.input(3)) === null))
    return false;
  return starts.every((start, index) => {
    const dim = shape?.[axes[index] < 0 ? axes[index] + shape.length : axes[index]];
    return (
      start === 0 && steps[index] === 1 && (ends[index] >= toTheEnd || (typeof dim === 'number' && ends[index] >= dim))
    );
  });
}
