// Targets of Reshape that are computed in every run, from lengths of inputs, become constants: 0 (as the input has it), −1 (the rest) or a
// number. Exporters write them out as Shape, Gather, Unsqueeze and Concat, a dozen nodes for each attention block.
import { z } from 'zod';
import type { Graph, Node, Value } from '../../src/ir/index.js';
import { definePass, selectionOptions } from '../../src/pass/index.js';
import { int64Tensor } from '../../src/tensor/index.js';
import { probeShapes } from './probe-shapes.js';
import { targetOf } from './target.js';

export const simplifyReshapes = definePass({
  name: 'simplify-reshapes',
  kind: 'cleanup',
  summary: 'Writes the targets of Reshape as constants where they only repeat lengths of its input.',
  options: z.strictObject(selectionOptions),
  needs: [],
  run(model, _options, context) {
    const reshapes = [...context.targets('Reshape')].filter(
      (node) => node.graph === model.graph && node.input(1)?.producer && model.constantOf(node.input(1)) === null,
    );
    if (reshapes.length === 0) return;
    const probes = probeShapes(model);
    const stored = new Map<string, Value>();
    for (const node of reshapes) {
      const target = whyNot(node) ?? targetOf(node, probes);
      if (typeof target === 'string') {
        context.record.skipped(node, target);
        continue;
      }
      node.replaceInput(1, constantOf(model.graph, target, stored));
      context.record.changed(node, `its target is [${target.join(', ')}]`);
    }
  },
});

function whyNot(node: Node): string | null {
  if (node.attributes.int('allowzero', 0) !== 0) return 'a zero in its target means an empty axis';
  return node.input(1)?.producer?.is('Constant') ? 'its target is a constant' : null;
}

function constantOf(graph: Graph, target: readonly number[], stored: Map<string, Value>): Value {
  const key = target.join('_');
  let value = stored.get(key);
  if (!value) {
    value = graph.addInitializer(`shape_${key.replaceAll('-', 'm')}`, int64Tensor([target.length], target));
    stored.set(key, value);
  }
  return value;
}
