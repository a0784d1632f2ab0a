// Removes what no output of the model depends on: nodes, initializers, local functions; and names of unused optional outputs.
import { z } from 'zod';
import type { Graph, Model, Node } from '../../src/ir/index.js';
import { definePass, type PassRecord } from '../../src/pass/index.js';
import { optionalOutputs } from './optional-outputs.js';
import { unusedFunctions } from './unused-functions.js';

export const eliminateDead = definePass({
  name: 'eliminate-dead',
  kind: 'cleanup',
  summary: 'Removes nodes, initializers and local functions that no output depends on.',
  options: z.strictObject({}),
  needs: [],
  run(model, _options, { record }) {
    for (const local of unusedFunctions(model)) {
      model.removeFunction(local);
      record.changed(`${local.domain}::${local.name}`, 'removed a local function that no node calls');
    }
    const roots = [model.graph, ...model.functions.map(({ body }) => body)];
    for (const graph of roots) removeDeadNodes(graph, isKnown(model), record);
    for (const graph of [...model.allGraphs()]) removeDeadInitializers(model, graph, record);
  },
});

/** Whether an operator is known to do nothing but compute its outputs. */
function isKnown(model: Model): (node: Node) => boolean {
  const domains = new Set(['', 'ai.onnx.ml', 'com.microsoft', ...model.functions.map(({ domain }) => domain)]);
  return (node) => domains.has(node.domain);
}

/** Consumers before producers, so that one sweep removes whole chains; a subgraph is swept where its node stays. */
function removeDeadNodes(graph: Graph, known: (node: Node) => boolean, record: PassRecord): void {
  for (const node of [...graph.nodes()].reverse()) {
    for (const subgraph of node.subgraphs()) removeDeadNodes(subgraph, known, record);
    const outputs = node.outputs.filter((output) => output !== null);
    if (outputs.length > 0 && outputs.every((output) => !output.isUsed)) {
      if (!known(node)) {
        record.skipped(node, `operators of ${node.domain} may do more than compute their outputs`);
        continue;
      }
      record.changed(node, `removed ${node.qualifiedType}: nothing uses its outputs`);
      graph.remove(node);
    } else omitOutputs(node, record);
  }
}

function omitOutputs(node: Node, record: PassRecord): void {
  for (const index of optionalOutputs(node)) {
    const output = node.outputs[index];
    if (!output || output.isUsed) continue;
    record.changed(node, `left out the unused output ${output.name}`);
    node.omitOutput(index);
  }
}

function removeDeadInitializers(model: Model, graph: Graph, record: PassRecord): void {
  for (const value of [...graph.initializers]) {
    if (value.isUsed) continue;
    if (model.constantOf(value) === null) {
      record.skipped(value.name, 'it is an input of the model with a default value');
      continue;
    }
    record.changed(value.name, `removed an unused initializer of ${value.constant?.byteLength} bytes`);
    graph.removeInitializer(value);
  }
}
