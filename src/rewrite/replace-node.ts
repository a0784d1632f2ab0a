// Putting new values in the place of a node.
import type { Node, Value } from '../ir/index.js';

/**
 * Lets `replacements` take the places of the outputs of `node`, in order, and removes the node: outputs beyond them must be unused.
 * Each replacement gets its output's name and type, so that whoever looks values up by name still finds it.
 */
export function replaceNode(node: Node, ...replacements: readonly (Value | null)[]): void {
  const renamed: { value: Value; name: string }[] = [];
  for (const [index, replacement] of replacements.entries()) {
    const output = node.outputs[index];
    if (!output || !replacement) continue;
    const { name, type, opaque, isGraphOutput } = output;
    output.replaceAllUsesWith(replacement);
    if (isGraphOutput) continue;
    replacement.type = type;
    replacement.opaque = opaque;
    renamed.push({ value: replacement, name });
  }
  node.graph?.remove(node);
  // The names are free only now.
  for (const { value, name } of renamed) value.rename(name);
}
