// Operators without weights are computed with integers where they lie between linear operators that are: a value that comes as integers
// and is wanted as integers. Everything else stays float, which is more exact and needs no conversion: pooling of whole maps and Softmax at
// the end, normalization, what leads to the outputs.
import type { Model, Node, Value } from '../../../src/ir/index.js';
import type { RuntimeTarget } from '../../../src/quantization/index.js';
import type { Options } from '../options.js';
import { fusedActivation } from './fused-activation.js';
import { knownGrid } from './known-grids.js';
import { elementwiseFacts, isImplemented } from './operators.js';
import type { PlannedElementwise, PlannedLinear } from './plan.js';
import { isFasterWhole, wholeActivation } from './whole-activation.js';

/** @param nodes the operators of operators.ts that may be computed with integers, in graph order. */
export function planElementwise(
  model: Model,
  linears: readonly PlannedLinear[],
  options: Options,
  nodes: Iterable<Node>,
  target: RuntimeTarget,
): PlannedElementwise[] {
  const wantedInputs = new Set(linears.map(({ operator }) => operator.input));
  const computed = new Set(linears.flatMap(({ result }) => (result ? [result] : [])));
  const isInteger = (value: Value): boolean => computed.has(value) || knownGrid(value) !== null;
  const candidates: PlannedElementwise[] = [];
  for (const node of nodes) {
    if (node.graph !== model.graph || (options.residual === 'float' && node.is('Add'))) continue;
    const candidate = describe(node, model, options, target);
    if (candidate) candidates.push(candidate);
  }
  for (const { operands, results } of candidates.toReversed()) {
    if (results.some((value) => wantedInputs.has(value))) for (const operand of operands) wantedInputs.add(operand);
  }
  return candidates.filter(({ operands, results }) => {
    const chosen = operands.some(isInteger) && results.some((value) => wantedInputs.has(value));
    if (chosen) for (const result of results) computed.add(result);
    return chosen;
  });
}

function describe(node: Node, model: Model, options: Options, target: RuntimeTarget): PlannedElementwise | null {
  const facts = elementwiseFacts(node, model.opset, options);
  if (node.is('Sigmoid', 'Mul') && isPartOfWhole(node, options, target)) return null;
  if (!facts || !isImplemented(node, facts, options, target)) return null;
  const operands = node.inputs.slice(0, facts.operands);
  // A constant would need a range too.
  if (!operands.every((value): value is Value => value !== null && isActivation(value))) return null;
  const results = node.outputs.filter((output) => output !== null);
  const activation = node.is('Add', 'Mul', 'Concat', 'AveragePool')
    ? fusedActivation(node.output, model, options)
    : null;
  return {
    node,
    operands,
    activation,
    results: activation ? [activation.output] : results,
    keepsRange: facts.keepsRange,
    direct: facts.direct,
  };
}

/** SiLU in float and in one node is faster than a Sigmoid and a product of integers, and rounds once less. */
function isPartOfWhole(node: Node, options: Options, target: RuntimeTarget): boolean {
  if (!isFasterWhole(options, target)) return false;
  return node.inputs.some((value) => value !== null && wholeActivation(value)?.nodes.includes(node) === true);
}

function isActivation({ isInitializer, producer }: Value): boolean {
  return !isInitializer && !producer?.is('Constant');
}
