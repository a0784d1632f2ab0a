// What the dependency graph knows of one operator.
import type { Node } from '../../ir/index.js';
import type { Axis } from './axis.js';
import type { Relations } from './relations.js';

/** What is left of every axis after units were removed. */
export interface Kept {
  readonly relations: Relations;
  /** The coordinates of `axis` that stay, in order; null where all do. */
  of(axis: Axis | undefined): readonly number[] | null;
  /** How many coordinates stay; `length` of an axis that is never changed. */
  count(axis: Axis): number;
}

export interface OperatorRule {
  /** Ties coordinates that can only be removed together, and freezes what cannot be. What is tied must be computed coordinate by coordinate. */
  relate(node: Node, relations: Relations): void;
  /** Adapts attributes and constants other than weights (sizes, bounds, indices) to what was removed. */
  rewrite?(node: Node, kept: Kept): void;
}

export function labelOf(node: Node): string {
  return `${node.qualifiedType} ${node.name || node.outputs[0]?.name || ''}`.trim();
}
