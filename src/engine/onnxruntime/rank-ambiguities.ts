// onnxruntime shows a scalar and a value of unknown rank alike, with an empty shape. For most operators one glance at the operands
// tells which it is, so that only the others have to be asked about.
import type { Graph, Node, Value } from '../../ir/index.js';

/** Operators whose output has a known rank whenever their inputs have; not GreaterOrEqual and LessOrEqual, functions that are not looked into. */
const rankFromInputs: ReadonlySet<string> = new Set([
  'Abs',
  'Add',
  'And',
  'Cast',
  'Ceil',
  'Clip',
  'Constant',
  'Cos',
  'Div',
  'Equal',
  'Erf',
  'Exp',
  'Floor',
  'Gather',
  'Greater',
  'Identity',
  'Less',
  'Log',
  'Max',
  'Min',
  'Mod',
  'Mul',
  'Neg',
  'Not',
  'Or',
  'Pow',
  'Reciprocal',
  'Relu',
  'Round',
  'Sigmoid',
  'Sin',
  'Size',
  'Sqrt',
  'Sub',
  'Tanh',
  'Where',
  'Xor',
]);
/** The same, when their second input, the axes, is a constant or missing. */
const rankFromAxes = /^(?:Reduce\w+|Squeeze)$/;

/** Those of `rankless`, the values with an empty shape, that need not be scalars. */
export function rankAmbiguities(graph: Graph, rankless: ReadonlySet<Value>): Value[] {
  const ambiguous = new Set<Value>();
  for (const node of graph.nodes()) {
    if (hasKnownRank(node) && !node.inputs.some((input) => input && ambiguous.has(input))) continue;
    for (const output of node.outputs) if (output && rankless.has(output)) ambiguous.add(output);
  }
  return [...ambiguous];
}

function hasKnownRank(node: Node): boolean {
  if (node.domain !== '') return false;
  if (rankFromInputs.has(node.opType)) return true;
  const axes = node.input(1);
  return rankFromAxes.test(node.opType) && (!axes || axes.isInitializer || axes.producer?.opType === 'Constant');
}
