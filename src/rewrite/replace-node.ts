// Putting a new value in the place of a node.
import type { Node, Value } from '../ir/index.js';

/**
 * Lets `replacement` take the place of the first output of `node`, which must be the only one in use, and removes the node.
 * The replacement gets the output's name and type, so that whoever looks values up by name still finds it.
 */
export function replaceNode(node: Node, replacement: Value): void {
  const { output } = node;
  const { name, type, opaque, isGraphOutput } = output;
  output.replaceAllUsesWith(replacement);
  node.graph?.remove(node);
  if (isGraphOutput) return;
  replacement.rename(name);
  replacement.type = type;
  replacement.opaque = opaque;
}
