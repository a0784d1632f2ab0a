// Computes ahead, by the engine itself, what is the same in every run, and stores the results where that does not grow the file.
import { refineTypes } from '../../src/analysis/index.js';
import type { Node } from '../../src/ir/index.js';
import { definePass } from '../../src/pass/index.js';
import { constantNodes } from './constant-nodes.js';
import { inferConstantTypes } from './cut-out.js';
import { evaluate } from './evaluate.js';
import { foldShapes } from './fold-shapes.js';
import { foldConstantsOptions } from './options.js';
import { planFolding } from './plan.js';
import { storeResults } from './store-results.js';

export const foldConstants = definePass({
  name: 'fold-constants',
  kind: 'cleanup',
  summary: 'Computes ahead what depends on constants and known shapes only.',
  options: foldConstantsOptions,
  needs: ['inference'],
  async run(model, { maxGrowth, followTargets }, context) {
    const targets = [...context.targets()];
    await foldShapes(model, targets, context, followTargets ? refineTypes : undefined);
    for (;;) {
      const nodes = constantNodes(model, targets);
      if (nodes.length === 0) return;
      const plan = planFolding(model, nodes, await inferConstantTypes(nodes, model, context.engine), maxGrowth);
      const { tensors, failures } = await evaluate(plan.values, nodes, model, context);
      // What was computed in one round tells the sizes of more values in the next.
      if (storeResults(model, tensors, context.record) > 0) continue;
      const skipped: ReadonlyMap<Node, string> = new Map([...plan.skipped, ...failures]);
      for (const [node, reason] of skipped) context.record.skipped(node, reason);
      return;
    }
  },
});
