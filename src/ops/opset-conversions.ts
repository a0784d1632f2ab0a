// Nodes of older operator versions written as newer ones, from the operator changelog (onnx/docs/Changelog.md): mostly attributes that
// became inputs. Each conversion edits the node in place, or puts others around it, and leaves what it computes as it is.
import { intAttribute, type Node, stringAttribute, type Value } from '../ir/index.js';
import { int64Tensor } from '../tensor/index.js';

/** The attribute `name`, a list of integers, becomes input `index`. */
export function listToInput(name: string, index: number): (node: Node) => void {
  return (node) => {
    const values = node.attributes.ints(name);
    node.attributes.delete(name);
    if (values) setInput(node, index, constantOf(node, name, [values.length], values));
  };
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
  const { name, type, isGraphOutput } = node.output;
  node.output.replaceAllUsesWith(restored);
  graph.remove(node);
  if (!isGraphOutput) {
    restored.rename(name);
    restored.type = type;
  }
}

function constantOf(node: Node, name: string, shape: readonly number[], values: readonly number[]): Value {
  return node.graph!.addInitializer(`${node.output.name}_${name}`, int64Tensor(shape, values));
}

function setInput(node: Node, index: number, value: Value): void {
  while (node.inputs.length <= index) node.addInput(null);
  node.replaceInput(index, value);
}
