// Which values of a graph are the same in every run once the shapes of its inputs are fixed: those made of constants and shapes only.
import { type Graph, type Node, operandsOf, type Value } from '../ir/index.js';

/** Operators that tell about the shape of their input, not about its values. */
const shapeOperators: readonly string[] = ['Shape', 'Size'];

const random: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/** Outputs of nodes that depend neither on `trained` values nor on what the inputs of the graph hold. */
export function findStaticValues(graph: Graph, trained: ReadonlySet<Value>): Set<Value> {
  const moving = new Set<Value>([...graph.inputs.filter(({ isInitializer }) => !isInitializer), ...trained]);
  const found = new Set<Value>();
  for (const node of graph.nodes()) {
    const moves = isMoving(node, moving);
    for (const output of node.outputs) if (output) (moves ? moving : found).add(output);
  }
  return found;
}

function isMoving(node: Node, moving: ReadonlySet<Value>): boolean {
  if (random.has(node.qualifiedType)) return true;
  if (node.is(...shapeOperators)) return false;
  return [...operandsOf(node)].some((value) => moving.has(value));
}
