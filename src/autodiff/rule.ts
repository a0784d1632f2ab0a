// What a gradient rule is: from the gradients of the outputs of a node to those of its inputs.
import type { Node, Value } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';
import type { GraphBuilder, Shape } from './graph-builder.js';

/** What is known of a node before its gradients are built. */
export interface NodeFacts {
  readonly node: Node;
  shapeOf(value: Value): Shape;
  /** The tensor of an input that is the same in every run; null otherwise. */
  constant(index: number): Tensor | null;
  /** Whether a gradient of input `index` is wanted. */
  wants(index: number): boolean;
}

export interface GradientContext extends NodeFacts {
  readonly builder: GraphBuilder;
  /** Input `index`, which must be there. */
  input(index: number): Value;
  /** The gradient of output `index`; null where the loss does not depend on it. */
  gradient(index: number): Value | null;
  /** The gradient of the first output. */
  readonly upstream: Value;
}

export interface GradientRule {
  /** Why this node cannot be differentiated; null when it can. */
  obstacle?(facts: NodeFacts): string | null;
  /** The gradient of each input, null where there is none or none is wanted. Each has the shape of its input. */
  gradients(context: GradientContext): readonly (Value | null)[];
}

export type RuleTable = Readonly<Record<string, GradientRule>>;

/** A negative axis counts from the end. */
export function resolveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
