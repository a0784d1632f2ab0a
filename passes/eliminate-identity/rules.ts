// When a node does nothing: one rule per operator.

import type { Node, Value } from '../../src/ir/index.js';
import { byOperator } from '../../src/ops/index.js';
import { dataTypeOf } from '../../src/tensor/index.js';
import { arithmeticRules } from './arithmetic.js';
import type { Facts, Rule } from './rule.js';
import { shapeRules } from './shapes.js';

const anywhere: Readonly<Record<string, Rule>> = {
  Identity: (node) => node.input(0),
  Dropout: (node, facts) => (isInference(node, facts) ? node.input(0) : null),
  Concat: onlyInput,
  Max: onlyInput,
  Mean: onlyInput,
  Min: onlyInput,
  Sum: onlyInput,
  // Before opset 11 the bounds are attributes whose defaults cut infinities off.
  Clip: (node, { opset }) =>
    opset >= 11 && node.inputs.slice(1).every((bound) => bound === null) ? node.input(0) : null,
  ...shapeRules.anywhere,
};

const withTypes: Readonly<Record<string, Rule>> = {
  Cast: (node, facts) => {
    const input = node.input(0);
    const to = node.attributes.get('to');
    const wanted = to?.type === 'int' ? dataTypeOf(Number(to.value)) : null;
    return input && wanted !== null && facts.type(input)?.dataType === wanted ? input : null;
  },
  CastLike: (node, facts) => {
    const [input, like] = node.inputs;
    const type = input && facts.type(input)?.dataType;
    return input && like && type && type === facts.type(like)?.dataType ? input : null;
  },
  ...arithmeticRules,
  ...shapeRules.withTypes,
};

/** The operators whose rules ask for types. */
export const typedRules: ReadonlySet<string> = new Set(Object.keys(withTypes));

/** The input that `node` hands on unchanged, or null where it does something or may. */
export function passesOn(node: Node, facts: Facts): Value | null {
  if (node.domain !== '') return null;
  return byOperator(anywhere, node.opType)?.(node, facts) ?? byOperator(withTypes, node.opType)?.(node, facts) ?? null;
}

function onlyInput(node: Node): Value | null {
  return node.inputs.length === 1 ? node.input(0) : null;
}

/** Dropout drops in training only; how a model asks for training changed with opsets 7 and 12. */
function isInference(node: Node, { opset, constant }: Facts): boolean {
  if (opset < 7) return node.attributes.int('is_test', 0) === 1;
  const training = opset < 12 ? null : node.input(2);
  if (training === null) return true;
  const tensor = constant(training);
  return tensor !== null && tensor.size === 1 && tensor.bytes()[0] === 0;
}
