// What a node is called in reports and selectors: many exporters leave nodes unnamed.
import type { Node } from './node.js';

export function nodeLabel(node: Node): string {
  return node.name || node.outputs.find((output) => output !== null)?.name || node.qualifiedType;
}
