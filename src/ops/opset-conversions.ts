// Nodes of older operator versions written as newer ones, from the operator changelog (onnx/docs/Changelog.md): mostly attributes that
// became inputs. Each conversion edits the node in place, or puts others around it, and leaves what it computes as it is.
import { type Attribute, intAttribute, type Node, stringAttribute, type Value } from '../ir/index.js';
import { float32Tensor, int64Tensor } from '../tensor/index.js';
import { constantSource } from './constant-source.js';

/** The attribute `name`, a list of integers, becomes input `index`. */
export function listToInput(name: string, index: number): (node: Node) => void {
  return (node) => {
    const values = node.attributes.ints(name);
    node.attributes.delete(name);
    if (values) setInput(node, index, constantOf(node, name, [values.length], values));
  };
}

/** Slice got its three lists as inputs. */
export function sliceByInputs(node: Node): void {
  for (const [index, name] of ['starts', 'ends', 'axes'].entries()) listToInput(name, index + 1)(node);
}

/** TopK got the number as an input. */
export function countToInput(node: Node): void {
  const count = node.attributes.int('k', 1);
  node.attributes.delete('k');
  setInput(node, 1, constantOf(node, 'k', [1], [count]));
}

/** Whether the first input is float32: by declaration, or because the model holds no other floats. Constants beside it must have its type. */
export function isFloat32(node: Node): boolean {
  const type = node.input(0)?.type;
  if (type?.kind === 'tensor') return type.dataType === 'float32';
  let graph = node.graph!;
  while (graph.parent?.graph) graph = graph.parent.graph;
  const values = [...graph.inputs, ...graph.initializers, ...[...graph.allNodes()].flatMap(({ outputs }) => outputs)];
  return ![...graph.allNodes()].some(castsToOthers) && !values.some((value) => value && holdsOtherFloats(value));
}

const otherFloats: ReadonlySet<string> = new Set(['float16', 'float64', 'bfloat16']);
/** As Cast names them: float16, double, bfloat16. */
const otherFloatTypes: ReadonlySet<number> = new Set([10, 11, 16]);

function castsToOthers(node: Node): boolean {
  return node.is('Cast') && otherFloatTypes.has(node.attributes.int('to', 1));
}

function holdsOtherFloats({ type, constant }: Value): boolean {
  return otherFloats.has(constant?.dataType ?? (type?.kind === 'tensor' ? type.dataType : ''));
}

/** Clip got its limits as inputs: scalars of the type of what they limit. */
export function limitsToInputs(node: Node): void {
  for (const [index, name] of ['min', 'max'].entries()) {
    const value = node.attributes.get(name) ? node.attributes.float(name, 0) : null;
    node.attributes.delete(name);
    if (value !== null) setInput(node, index + 1, scalarOf(node, name, value));
  }
}

/** Pad got its widths and its value as inputs; zero needs none, and so no type. */
export function paddingToInputs(node: Node): void {
  const pads = node.attributes.ints('pads') ?? [];
  const value = node.attributes.float('value', 0);
  for (const name of ['pads', 'value']) node.attributes.delete(name);
  setInput(node, 1, constantOf(node, 'pads', [pads.length], pads));
  if (value !== 0) setInput(node, 2, scalarOf(node, 'value', value));
}

/** Whether an Upsample or a Resize of opset 10 has constant scales of 1 and more: below, neighbours were chosen in a way that was given up. */
export function growsBy(node: Node): readonly number[] | null {
  const given = node.attributes.floats('scales') ?? null;
  const input = node.input(1);
  const scales = given ?? (input ? constantSource(input)?.tensor.readNumbers() : null);
  return scales && [...scales].every((scale) => scale >= 1) ? [...scales] : null;
}

/** Upsample became Resize, and Resize got a region, and names for how it had always taken coordinates. */
export function resizeByCoordinates(node: Node, version: number): void {
  const scales = node.graph!.addInitializer(
    `${node.output.name}_scales`,
    float32Tensor([growsBy(node)!.length], Float32Array.from(growsBy(node)!)),
  );
  const mode = stringAttribute(node.attributes.string('mode', 'nearest'));
  const { graph } = node;
  const isNamed = version >= 11;
  const region = isNamed
    ? [graph!.addInitializer(`${node.output.name}_roi`, float32Tensor([0], new Float32Array(0)))]
    : [];
  const attributes: Record<string, Attribute> = isNamed
    ? {
        mode,
        coordinate_transformation_mode: stringAttribute('asymmetric'),
        nearest_mode: stringAttribute('floor'),
      }
    : { mode };
  const resized = graph!.insertBefore(node, {
    opType: 'Resize',
    name: node.name,
    inputs: [node.input(0), ...region, scales],
    attributes,
  }).output;
  replaceByValue(node, resized);
}

/** The attribute `axis` of DFT becomes a scalar input. */
export function axisToInput(node: Node): void {
  const axis = node.attributes.int('axis', 1);
  node.attributes.delete('axis');
  setInput(node, 2, constantOf(node, 'axis', [], [axis]));
}

/** Without the sizes of its parts, Split wants their number. */
export function nameParts(node: Node): void {
  if (!node.input(1)) node.attributes.set('num_outputs', intAttribute(node.outputs.length));
}

/** At run time the ratio has no effect. */
export function dropRatio(node: Node): void {
  node.attributes.delete('ratio');
}

/** What RoiAlign did before it could be chosen. */
export function keepOutputHalfPixel(node: Node): void {
  node.attributes.set('coordinate_transformation_mode', stringAttribute('output_half_pixel'));
}

/** The modes of GridSample got other names. */
export function renameGridMode(node: Node): void {
  const mode = node.attributes.string('mode', 'bilinear');
  const names: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };
  node.attributes.set('mode', stringAttribute(Object.hasOwn(names, mode) ? names[mode] : mode));
}

/** Leaves out the outputs behind the first, which only training used. */
export function dropStatistics(node: Node): void {
  for (let index = node.outputs.length - 1; index > 0; index--) node.omitOutput(index);
}

/**
 * Softmax and its kin treated their input as a matrix [axes before `axis`, axes from `axis` on], and now work along one axis. Where
 * the two differ, or could, Flatten and Reshape make the matrix.
 */
export function flattenAround(node: Node): void {
  const axis = node.attributes.int('axis', 1);
  const [input] = node.inputs;
  const shape = input?.type?.kind === 'tensor' ? input.type.shape : null;
  if (axis === -1 || (shape && axis === shape.length - 1)) {
    node.attributes.set('axis', intAttribute(-1));
    return;
  }
  const { graph } = node;
  if (!input || !graph) return;
  const before = (opType: string, inputs: readonly Value[], suffix: string, attributes = {}): Value => {
    const outputs = [graph.scope.uniqueName(`${node.output.name}_${suffix}`)];
    return graph.insertBefore(node, { opType, inputs, outputs, attributes }).output;
  };
  const shapeValue = before('Shape', [input], 'shape');
  const matrix = before('Flatten', [input], 'matrix', { axis: intAttribute(axis) });
  const rows = before(node.opType, [matrix], 'rows', { axis: intAttribute(-1) });
  const restored = before('Reshape', [rows, shapeValue], 'restored');
  replaceByValue(node, restored);
}

/** `value` takes the place, and the name, of what `node` gives. */
function replaceByValue(node: Node, value: Value): void {
  const { name, type, isGraphOutput } = node.output;
  node.output.replaceAllUsesWith(value);
  node.graph!.remove(node);
  if (!isGraphOutput) {
    value.rename(name);
    value.type = type;
  }
}

function scalarOf(node: Node, name: string, value: number): Value {
  return node.graph!.addInitializer(`${node.output.name}_${name}`, float32Tensor([], Float32Array.of(value)));
}

function constantOf(node: Node, name: string, shape: readonly number[], values: readonly number[]): Value {
  return node.graph!.addInitializer(`${node.output.name}_${name}`, int64Tensor(shape, values));
}

function setInput(node: Node, index: number, value: Value): void {
  while (node.inputs.length <= index) node.addInput(null);
  node.replaceInput(index, value);
}
