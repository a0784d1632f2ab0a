// What a shape rule is: from what is known of the inputs of a node to what is known of its outputs.
import type { Node } from '../../ir/index.js';
import type { Known } from './known.js';

export interface RuleInput {
  readonly node: Node;
  /** undefined where nothing is known or the input is omitted. */
  readonly inputs: readonly (Known | undefined)[];
  /** Version of ONNX's own operators. */
  readonly opset: number;
}

/** One entry per output; null when it cannot tell. */
export type Rule = (input: RuleInput) => readonly (Known | null)[] | null;

export type Rules = Readonly<Record<string, Rule>>;

/** A list that older operators take as attribute `name` and newer ones as input `index`; undefined where it is not given. */
export function listOf({ node, inputs }: RuleInput, name: string, index: number): readonly number[] | null | undefined {
  const attribute = node.attributes.ints(name);
  if (attribute) return attribute;
  // Given, but computed from data.
  return node.input(index) ? (inputs[index]?.values ?? null) : undefined;
}
