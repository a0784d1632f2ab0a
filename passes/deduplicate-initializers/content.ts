// Groups of initializers with equal content. Most of a model is told apart by type, shape and the first bytes, so little is read.
import { createHash } from 'node:crypto';
import { throwIfAborted } from '../../src/errors.js';
import { StringTensor, type Tensor } from '../../src/tensor/index.js';
import type { Initializer } from './keeper.js';

/** Bytes read of a tensor before all of it is. */
const probeLength = 4096;

export type Group = readonly [Initializer, ...Initializer[]];

/** Groups of at least two initializers of one scope with the same type, shape and bytes. */
export function* groupByContent(initializers: Iterable<Initializer>, signal: AbortSignal): Iterable<Group> {
  for (const sameType of groupBy(initializers, typeKeys())) {
    for (const sameStart of groupBy(sameType, ({ value }) => digest(value.constant, probeLength))) {
      throwIfAborted(signal);
      const [{ value }] = sameStart;
      if ((value.constant?.byteLength ?? 0) <= probeLength) yield sameStart;
      // Equal SHA-256 means equal bytes: nobody has ever found two texts with the same.
      else yield* groupBy(sameStart, (initializer) => digest(initializer.value.constant));
    }
  }
}

function groupBy(initializers: Iterable<Initializer>, keyOf: (initializer: Initializer) => string): Group[] {
  const groups = new Map<string, [Initializer, ...Initializer[]]>();
  for (const initializer of initializers) {
    const key = keyOf(initializer);
    const group = groups.get(key);
    if (group) group.push(initializer);
    else groups.set(key, [initializer]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Type, shape, and the main graph or function body it lies in. */
function typeKeys(): (initializer: Initializer) => string {
  const scopes = new Map<unknown, number>();
  return ({ value, graph }) => {
    const scope = scopes.get(graph.scope) ?? scopes.size;
    scopes.set(graph.scope, scope);
    return `${scope} ${value.constant?.dataType} ${value.constant?.shape}`;
  };
}

/** Digest of the first `length` bytes, by default of all; strings count whole. */
function digest(tensor: Tensor | null, length = Number.POSITIVE_INFINITY): string {
  const hash = createHash('sha256');
  if (tensor instanceof StringTensor) for (const value of tensor.values) hash.update(`${value.length} `).update(value);
  else if (tensor) for (const chunk of tensor.chunks(0, Math.min(length, tensor.byteLength))) hash.update(chunk);
  return hash.digest('hex');
}
