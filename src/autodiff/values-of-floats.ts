// Which values of a graph are floats, where types are not written at every value: by operator, from inputs and constants on.
import type { Graph, Node, Value } from '../ir/index.js';
import { discreteOperators } from './discrete-operators.js';

/** Operators whose outputs are integers or booleans whatever comes in. */
const discrete: ReadonlySet<string> = new Set([...discreteOperators, 'And', 'Or', 'Xor', 'QuantizeLinear']);
/** Their second output counts positions. */
const withPositions: ReadonlySet<string> = new Set(['TopK', 'MaxPool', 'Unique']);
/** FLOAT (TensorProto.DataType). */
const float = 1;

export function valuesOfFloats(graph: Graph): Set<Value> {
  const floats = new Set<Value>();
  for (const value of [...graph.inputs, ...graph.initializers]) {
    const { type, constant } = value;
    if ((constant?.dataType ?? (type?.kind === 'tensor' ? type.dataType : null)) === 'float32') floats.add(value);
  }
  for (const node of graph.nodes()) {
    for (const [index, output] of node.outputs.entries())
      if (output && isFloat(node, index, floats)) floats.add(output);
  }
  return floats;
}

function isFloat(node: Node, output: number, floats: ReadonlySet<Value>): boolean {
  const type = node.qualifiedType;
  if (discrete.has(type) || (withPositions.has(type) && output > 0)) return false;
  if (type === 'Cast') return node.attributes.int('to', float) === float;
  if (type === 'DequantizeLinear') return true;
  const data = node.input(type === 'Where' || type === 'OneHot' ? (type === 'Where' ? 1 : 2) : 0);
  return data !== null && floats.has(data);
}
