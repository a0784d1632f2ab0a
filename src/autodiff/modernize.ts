// Rewrites nodes of opsets 7 to 17 into what opset 18 asks for, in a graph whose shapes are known (operator changelog of ONNX), so that
// gradient rules meet one version of every operator.
import { unsupportedModel } from '../errors.js';
import {
  type Attribute,
  type Graph,
  intAttribute,
  type Model,
  type Node,
  stringAttribute,
  type Value,
} from '../ir/index.js';
import { byOperator } from '../ops/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../tensor/index.js';
import type { Shape } from './graph-builder.js';

/** The version that gradient rules write. */
const target = 18;
const oldest = 7;

type Rewrite = (node: Node, edit: Edit) => void;

/** What a node is replaced by: inputs and attributes of a new one, outputs as they are. */
class Edit {
  readonly graph: Graph;
  readonly shapes: Map<Value, Shape>;

  constructor(graph: Graph, shapes: Map<Value, Shape>) {
    this.graph = graph;
    this.shapes = shapes;
  }

  constant(tensor: Tensor): Value {
    const value = this.graph.addInitializer('modern_1', tensor);
    this.shapes.set(value, tensor.shape);
    return value;
  }

  ints(values: readonly number[]): Value {
    return this.constant(int64Tensor([values.length], values));
  }

  /** Turns attributes into inputs of the same node. */
  attributesToInputs(node: Node, names: readonly string[], tensors: readonly (Tensor | null)[]): void {
    if (!names.some((name) => node.attributes.has(name))) return;
    while (node.inputs.length < 1) node.addInput(null);
    for (const tensor of tensors) node.addInput(tensor && this.constant(tensor));
    for (const name of names) node.attributes.delete(name);
  }

  /** Another node in its place, with the same outputs. */
  replace(node: Node, opType: string, inputs: readonly Value[], attributes: Record<string, Attribute> = {}): Node {
    const made = this.graph.insertBefore(node, { opType, inputs, attributes, outputs: node.outputs.length });
    for (const [index, output] of node.outputs.entries()) {
      if (!output) continue;
      this.shapes.set(made.outputs[index]!, this.shapes.get(output)!);
      output.replaceAllUsesWith(made.outputs[index]!);
    }
    this.graph.remove(node);
    return made;
  }

  insert(
    node: Node,
    opType: string,
    inputs: readonly Value[],
    shape: Shape,
    attributes: Record<string, Attribute> = {},
  ): Value {
    const { output } = this.graph.insertBefore(node, { opType, inputs, attributes });
    this.shapes.set(output, shape);
    return output;
  }
}

function axesToInput(node: Node, edit: Edit): void {
  const axes = node.attributes.ints('axes');
  if (axes) edit.attributesToInputs(node, ['axes'], [int64Tensor([axes.length], axes)]);
}

/** Before opset 13 everything from `axis` on was one axis. */
function coerceTo2d(node: Node, edit: Edit): void {
  const input = node.inputs[0]!;
  const shape = edit.shapes.get(input)!;
  const given = node.attributes.int('axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  if (axis === shape.length - 1) {
    node.attributes.set('axis', intAttribute(-1));
    return;
  }
  const flat = [product(shape.slice(0, axis)), product(shape.slice(axis))];
  const before = edit.insert(node, 'Reshape', [input, edit.ints(flat)], flat);
  const result = edit.insert(node, node.opType, [before], flat, { axis: intAttribute(-1) });
  edit.replace(node, 'Reshape', [result, edit.ints(shape)]);
}

function product(dims: Shape): number {
  return dims.reduce((a, b) => a * b, 1);
}

const scalarFloat = (value: number): Tensor => float32Tensor([], [value]);

/** From the version on that is named, what an older node becomes. */
const rewrites: Readonly<Record<string, { readonly since: number; readonly rewrite: Rewrite }>> = {
  ...Object.fromEntries(
    ['Squeeze', 'Unsqueeze', 'ReduceSum'].map((name) => [name, { since: 13, rewrite: axesToInput }]),
  ),
  ...Object.fromEntries(
    ['Max', 'Min', 'Mean', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'].map((name) => [
      `Reduce${name}`,
      { since: 18, rewrite: axesToInput },
    ]),
  ),
  Softmax: { since: 13, rewrite: coerceTo2d },
  LogSoftmax: { since: 13, rewrite: coerceTo2d },
  Hardmax: { since: 13, rewrite: coerceTo2d },
  Clip: {
    since: 11,
    rewrite: (node, edit) => {
      const limits = (['min', 'max'] as const).map((name) =>
        node.attributes.has(name) ? scalarFloat(node.attributes.float(name, 0)) : null,
      );
      edit.attributesToInputs(node, ['min', 'max'], limits);
    },
  },
  Slice: {
    since: 10,
    rewrite: (node, edit) => {
      const list = (name: string): number[] | null => node.attributes.ints(name);
      const starts = list('starts') ?? [];
      const tensors = [starts, list('ends') ?? [], list('axes') ?? [...starts.keys()]];
      edit.attributesToInputs(
        node,
        ['starts', 'ends', 'axes'],
        tensors.map((values) => int64Tensor([values.length], values)),
      );
    },
  },
  Pad: {
    since: 11,
    rewrite: (node, edit) => {
      const pads = node.attributes.ints('pads') ?? [];
      const value = scalarFloat(node.attributes.float('value', 0));
      edit.attributesToInputs(node, ['pads', 'value'], [int64Tensor([pads.length], pads), value]);
    },
  },
  Split: {
    since: 13,
    rewrite: (node, edit) => {
      const split = node.attributes.ints('split');
      if (split) edit.attributesToInputs(node, ['split'], [int64Tensor([split.length], split)]);
    },
  },
  TopK: {
    since: 10,
    rewrite: (node, edit) => {
      const k = node.attributes.int('k', null);
      if (k !== null) edit.attributesToInputs(node, ['k'], [int64Tensor([1], [k])]);
    },
  },
  Dropout: {
    since: 12,
    rewrite: (node, edit) => {
      if (!node.outputs[1]?.isUsed) edit.replace(omitMask(node), 'Identity', [node.inputs[0]!]);
    },
  },
  BatchNormalization: {
    since: 14,
    rewrite: (node) => {
      for (const name of ['spatial', 'consumed_inputs', 'is_test']) node.attributes.delete(name);
    },
  },
  Upsample: {
    since: 10,
    rewrite: (node, edit) => {
      const scales = node.attributes.floats('scales');
      const value = scales ? edit.constant(float32Tensor([scales.length], scales)) : node.inputs[1]!;
      resizeAsymmetric(node, edit, value);
    },
  },
  Resize: { since: 11, rewrite: (node, edit) => resizeAsymmetric(node, edit, node.inputs[1]!) },
};

function omitMask(node: Node): Node {
  node.omitOutput(1);
  return node;
}

/** Before opset 11 coordinates were divided by the scale and nothing else. */
function resizeAsymmetric(node: Node, edit: Edit, scales: Value): void {
  const none = edit.constant(float32Tensor([0], []));
  edit.replace(node, 'Resize', [node.inputs[0]!, none, scales], {
    mode: stringAttribute(node.attributes.string('mode', 'nearest')),
    coordinate_transformation_mode: stringAttribute('asymmetric'),
    nearest_mode: stringAttribute('floor'),
  });
}

/** In opset 18 a Split without lengths says how many parts. */
function countParts(node: Node): void {
  if (node.is('Split') && !node.input(1)) node.attributes.set('num_outputs', intAttribute(node.outputs.length));
}

/** Before opset 13 inputs of Resize that do not count were empty tensors. */
function omitEmptyOperands(node: Node): void {
  if (!node.is('Resize')) return;
  for (const index of [1, 2, 3]) if (node.input(index)?.constant?.size === 0) node.replaceInput(index, null);
}

/** Throws MODEL_UNSUPPORTED for opsets before 7, when broadcasting was an attribute. */
export function modernize(model: Model, shapes: Map<Value, Shape>): void {
  const from = model.opset;
  if (from >= target) return;
  if (from < oldest)
    throw unsupportedModel(`Models of opset ${from} cannot be differentiated`, 'Convert it to opset 13 or later.');
  const edit = new Edit(model.graph, shapes);
  for (const node of [...model.graph.nodes()]) {
    if (node.domain !== '') continue;
    const change = byOperator(rewrites, node.opType);
    if (change && from < change.since) change.rewrite(node, edit);
    if (!node.graph) continue;
    countParts(node);
    omitEmptyOperands(node);
  }
  model.opsetImports.set('', target);
  model.irVersion = Math.max(model.irVersion, 8);
}
