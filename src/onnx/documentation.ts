// Documentation inside a graph: doc strings and the metadata that exporters leave at nodes and values (stack traces, source lines).
import type { Graph, Model, Node, Opaque, Value } from '../ir/index.js';

const documentingFields = ['doc_string', 'metadata_props'] as const;

/**
 * Removes doc strings and metadata of graphs, nodes and values; those of the model itself stay.
 * Returns how many of them had any.
 */
export function removeDocumentation(model: Model): number {
  let count = 0;
  for (const graph of model.allGraphs()) {
    const documented: (Graph | Node)[] = [graph, ...graph.nodes()];
    for (const item of documented) {
      const rest = item.opaque && withoutDocumentation(item.opaque.message);
      if (!rest) continue;
      item.opaque = { message: rest };
      count++;
    }
    for (const value of valuesOf(graph)) if (removeFromValue(value)) count++;
  }
  if (count > 0) model.graph.scope.revision++;
  return count;
}

function valuesOf(graph: Graph): Value[] {
  const computed = [...graph.nodes()].flatMap((node) => node.outputs.filter((output) => output !== null));
  return [...new Set([...graph.inputs, ...graph.initializers, ...computed, ...graph.outputs])];
}

/** The codec keeps two messages of a value: its value info and the rest of its tensor. */
function removeFromValue(value: Value): boolean {
  if (!value.opaque) return false;
  const message: Record<string, unknown> = { ...value.opaque.message };
  let removed = false;
  for (const key of ['info', 'tensor']) {
    const rest = message[key] ? withoutDocumentation(message[key]) : null;
    if (!rest) continue;
    message[key] = rest;
    removed = true;
  }
  if (removed) value.opaque = { message } satisfies Opaque;
  return removed;
}

/** A copy of `message` without its documentation, or null when it has none. */
function withoutDocumentation(message: object): object | null {
  const fields = message as Record<string, unknown>;
  if (!documentingFields.some((field) => isFilled(fields[field]))) return null;
  const rest = { ...fields };
  for (const field of documentingFields) delete rest[field];
  return rest;
}

function isFilled(field: unknown): boolean {
  return Array.isArray(field) ? field.length > 0 : Boolean(field);
}
