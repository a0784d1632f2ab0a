// Shape and Size of values whose shape is proven, and what Gather and Slice take out of a shape that is partly known: exporters ask
// for "the second dimension" even where only the first one varies.
import { inferProvenTypes, type refineTypes } from '../../src/analysis/index.js';
import type { Model, Node, TensorType, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { int64Tensor, type Tensor } from '../../src/tensor/index.js';
import { constantTensor } from './constant-nodes.js';
import { storeResults } from './store-results.js';

/** The elements of an int64 vector, null where they vary. */
type PartlyKnown = readonly (number | null)[];

/** `refine`: see `ProvenTypesOptions`. */
export async function foldShapes(
  model: Model,
  targets: readonly Node[],
  context: PassContext,
  refine?: typeof refineTypes,
): Promise<void> {
  const inMain = new Set(model.graph.allNodes());
  const nodes = targets.filter((node) => inMain.has(node));
  if (!nodes.some((node) => node.is('Shape', 'Size'))) return;
  const types = await inferProvenTypes(model, context.engine, { refine });
  const shapes = new Map<Value, PartlyKnown>();
  for (const node of nodes) {
    if (node.graph === null) continue;
    const result = compute(node, model, types, shapes);
    if (!result) continue;
    if (!node.output.isGraphOutput) storeResults(model, new Map([[node.output, result]]), context.record);
    else context.record.skipped(node, `it computes the graph output ${node.output.name}`);
  }
}

/** The result of `node` where it is known; notes in `shapes` what is partly known. */
function compute(
  node: Node,
  model: Model,
  types: ReadonlyMap<Value, TensorType>,
  shapes: Map<Value, PartlyKnown>,
): Tensor | null {
  const input = node.input(0);
  if (!input) return null;
  if (node.is('Shape', 'Size')) {
    const dims: PartlyKnown | undefined = types.get(input)?.shape?.map((dim) => (typeof dim === 'number' ? dim : null));
    if (!dims) return null;
    if (node.is('Shape')) {
      return note(node, dims.slice(node.attributes.int('start', 0), node.attributes.int('end', dims.length)), shapes);
    }
    return isKnown(dims) ? int64Tensor([], [dims.reduce((product, dim) => product * dim, 1)]) : null;
  }
  const shape = shapes.get(input);
  if (!shape) return null;
  if (node.is('Gather')) return gather(shape, constantTensor(model, node.input(1)));
  if (node.is('Slice')) {
    const range = sliceRange(node, model);
    return range && note(node, shape.slice(...range), shapes);
  }
  return null;
}

function note(node: Node, elements: PartlyKnown, shapes: Map<Value, PartlyKnown>): Tensor | null {
  shapes.set(node.output, elements);
  return isKnown(elements) ? int64Tensor([elements.length], elements) : null;
}

function isKnown(elements: PartlyKnown): elements is readonly number[] {
  return elements.every((element) => element !== null);
}

function gather(shape: PartlyKnown, indices: Tensor | null): Tensor | null {
  if (!indices || indices.size > shape.length) return null;
  const elements = indices.readNumbers().map((index) => shape.at(index) ?? null);
  return isKnown(elements) ? int64Tensor(indices.shape, elements) : null;
}

/** Start and end of a Slice of a vector with step 1; inputs from opset 10 on, attributes before. */
function sliceRange(node: Node, model: Model): [number, number] | null {
  const byInput = model.opsetOf(node) >= 10;
  const read = (index: number, name: string): number | null => {
    if (!byInput) return node.attributes.ints(name)?.[0] ?? null;
    return constantTensor(model, node.input(index))?.readNumbers()[0] ?? null;
  };
  const step = byInput && node.input(4) ? read(4, 'steps') : 1;
  const [start, end] = [read(1, 'starts'), read(2, 'ends')];
  return step === 1 && start !== null && end !== null ? [start, end] : null;
}
