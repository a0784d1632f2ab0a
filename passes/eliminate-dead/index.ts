// eliminate-dead: removes what no output depends on: nodes, initializers and local functions.
import { z } from 'zod';
import type { Graph, Model } from '../../src/ir/index.js';
import { definePass, type PassRecord } from '../../src/pass/index.js';

export const eliminateDead = definePass({
  name: 'eliminate-dead',
  kind: 'cleanup',
  summary: 'Removes nodes, initializers and functions that no output depends on.',
  options: z.strictObject({}),
  needs: [],
  run(model, _options, { record }) {
    // Inner graphs last: removing a node drops its subgraphs and what they captured.
    for (const graph of [...model.allGraphs()]) removeDeadNodes(graph, record);
    for (const graph of [...model.allGraphs()]) removeDeadInitializers(graph, record);
    removeDeadFunctions(model, record);
  },
});

function removeDeadNodes(graph: Graph, record: PassRecord): void {
  // From the end to the start, so that a chain goes in one sweep.
  for (const node of [...graph.nodes()].reverse()) {
    if (node.outputs.some((output) => output?.isUsed)) continue;
    record.changed(node, 'removed: nothing uses its outputs');
    graph.remove(node);
  }
}

function removeDeadInitializers(graph: Graph, record: PassRecord): void {
  for (const value of [...graph.initializers]) {
    if (value.isUsed) continue;
    record.changed(value.name, 'initializer removed: nothing uses it');
    graph.removeInitializer(value);
  }
}

/** A function may be used by another function only, so this goes on until nothing changes. */
function removeDeadFunctions(model: Model, record: PassRecord): void {
  for (;;) {
    const called = new Set(
      [...model.allNodes()].map(({ domain, opType, overload }) => `${domain} ${opType} ${overload}`),
    );
    const index = model.functions.findIndex(
      ({ domain, name, overload }) => !called.has(`${domain} ${name} ${overload}`),
    );
    if (index < 0) return;
    record.changed(model.functions[index].name, 'function removed: nothing calls it');
    model.removeFunction(model.functions[index]);
  }
}
