// deduplicate-initializers: stores equal initializers once. Exporters write the same mask, table or scalar many times.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { throwIfAborted } from '../../src/errors.js';
import type { Graph, Value } from '../../src/ir/index.js';
import { definePass, type PassRecord } from '../../src/pass/index.js';
import { StringTensor } from '../../src/tensor/index.js';

export const deduplicateInitializers = definePass({
  name: 'deduplicate-initializers',
  kind: 'cleanup',
  summary: 'Stores initializers of equal type, shape and bytes once.',
  options: z.strictObject({}),
  needs: [],
  run(model, _options, { record, signal }) {
    for (const graph of model.allGraphs()) {
      for (const candidates of groupBy(replaceable(graph, record), firstBytesKey)) {
        throwIfAborted(signal);
        for (const equals of groupBy(candidates, contentKey)) mergeInto(graph, equals, record);
      }
    }
  },
});

function replaceable(graph: Graph, record: PassRecord): Value[] {
  return [...graph.initializers].filter((value) => {
    if (value.constant instanceof StringTensor) return false;
    if (value.isGraphInput || value.isGraphOutput) {
      record.skipped(value.name, `is a graph ${value.isGraphInput ? 'input' : 'output'} too`);
      return false;
    }
    return true;
  });
}

/** The groups of two and more values with the same key. */
function groupBy(values: readonly Value[], keyOf: (value: Value) => string): Value[][] {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Type, shape and first bytes tell nearly all different weights apart, without reading the rest of them. */
function firstBytesKey(value: Value): string {
  const tensor = value.constant!;
  const hash = createHash('sha256');
  for (const chunk of tensor.chunks(0, Math.min(tensor.byteLength, 4096))) hash.update(chunk);
  return `${tensor.dataType} ${tensor.shape} ${hash.digest('hex')}`;
}

function contentKey(value: Value): string {
  const hash = createHash('sha256');
  for (const chunk of value.constant!.chunks()) hash.update(chunk);
  return hash.digest('hex');
}

function mergeInto(graph: Graph, [first, ...others]: readonly Value[], record: PassRecord): void {
  for (const value of others) {
    value.replaceAllUsesWith(first);
    record.changed(value.name, `stored once, as ${first.name}`);
    graph.removeInitializer(value);
  }
}
