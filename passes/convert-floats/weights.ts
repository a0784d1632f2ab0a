// Weights stored in 16 bits and restored by a Cast, which onnxruntime folds when the model is loaded.
import { intAttribute, type Model, type Node, type Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { layoutOf, scanWeight } from '../../src/quantization/index.js';
import { initializerOwners, NodeInserter, replaceNode } from '../../src/rewrite/index.js';
import { dataTypeCode } from '../../src/tensor/index.js';
import { fitsHalf, type HalfType, halfTensor } from './half-tensor.js';

/** Whether `type` holds the values of a float32 initializer. */
export async function isHalfEnough(value: Value, type: HalfType, { workers, signal }: PassContext): Promise<boolean> {
  const tensor = value.constant!;
  const { minimum, maximum } = await scanWeight(tensor, layoutOf([tensor.size], { kind: 'tensor' }), workers, signal);
  return fitsHalf(minimum[0], maximum[0], type);
}

/** Float32 initializers that nobody can replace at run time. */
export function float32Weights(model: Model): Value[] {
  return [...model.graph.allGraphs()]
    .flatMap((graph) => [...graph.initializers])
    .filter((value) => value.constant?.dataType === 'float32' && model.constantOf(value) !== null && value.isUsed);
}

function restore(nodes: NodeInserter, half: Value): Value {
  return nodes.add('Cast', [half], 'restored', { attributes: { to: intAttribute(dataTypeCode('float32')) } });
}

/** Lets a Gather look rows up in the table as it is stored, which then stays so in memory too: rows are restored, not the table. */
function takeRows(node: Node, half: Value): void {
  const nodes = new NodeInserter(node, node.output.name);
  const rows = nodes.add('Gather', [half, node.input(1)!], 'stored', {
    attributes: Object.fromEntries(node.attributes),
  });
  replaceNode(node, restore(nodes, rows));
}

/** Stores those of `weights` that `type` holds, of at least `minimumSize` elements, in it, and restores them for all their users. */
export async function storeWeights(
  model: Model,
  weights: readonly Value[],
  type: HalfType,
  minimumSize: number,
  context: PassContext,
): Promise<void> {
  const owners = initializerOwners(model);
  for (const value of weights) {
    const { size } = value.constant!;
    if (size < minimumSize) continue;
    if (!(await isHalfEnough(value, type, context))) {
      context.record.skipped(value.name, `${type} does not hold its largest value`);
      continue;
    }
    const graph = owners.get(value)!;
    const { name } = value;
    const half = graph.addInitializer(`${name}_${type}`, halfTensor(value.constant!, type));
    for (const { node, index } of [...value.uses]) if (node.is('Gather') && index === 0) takeRows(node, half);
    if (value.isUsed) value.replaceAllUsesWith(restore(NodeInserter.atStart(graph, name), half));
    graph.removeInitializer(value);
    context.record.changed(name, `stored as ${type}`);
  }
}
