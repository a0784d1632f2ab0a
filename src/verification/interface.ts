// A compressed model keeps its interface: inputs and outputs with their names, types, ranks and dynamic axes.
import { formatType, type Model, type Value, type ValueType } from '../ir/index.js';

/** What differs, in words, or null. Inputs with default values (initializers that are listed as inputs) are not interface. */
export function interfaceDifference(original: Model, result: Model): string | null {
  return (
    differenceOf('input', original.graph.inputs.filter(isRequired), result.graph.inputs.filter(isRequired)) ??
    differenceOf('output', original.graph.outputs, result.graph.outputs)
  );
}

function isRequired(input: Value): boolean {
  return !input.isInitializer;
}

function differenceOf(kind: string, original: readonly Value[], result: readonly Value[]): string | null {
  const names = (values: readonly Value[]): string => values.map(({ name }) => name).join(', ') || 'none';
  if (names(original) !== names(result)) return `the ${kind}s were ${names(original)} and are ${names(result)}`;
  for (const [index, value] of original.entries()) {
    const other = result[index];
    if (!sameType(value.type, other.type)) {
      return `the ${kind} ${value.name} was ${formatType(value.type)} and is ${formatType(other.type)}`;
    }
  }
  return null;
}

function sameType(a: ValueType | null, b: ValueType | null): boolean {
  if (a?.kind !== 'tensor' || b?.kind !== 'tensor') return a?.kind === b?.kind;
  if (a.dataType !== b.dataType) return false;
  if (a.shape === null || b.shape === null) return a.shape === b.shape;
  return a.shape.length === b.shape.length && a.shape.every((dimension, axis) => dimension === b.shape![axis]);
}
