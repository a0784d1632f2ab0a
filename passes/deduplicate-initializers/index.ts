// Lets initializers with the same type, shape and elements become one, those of subgraphs included.
import { z } from 'zod';
import { throwIfAborted } from '../../src/errors.js';
import type { Model, Value } from '../../src/ir/index.js';
import { definePass } from '../../src/pass/index.js';
import { groupByContent } from './content.js';
import { chooseKeeper, type Initializer } from './keeper.js';

export const deduplicateInitializers = definePass({
  name: 'deduplicate-initializers',
  kind: 'cleanup',
  summary: 'Stores weights once that a model holds several times.',
  options: z.strictObject({}),
  needs: [],
  run(model, _options, { record, signal }) {
    let savedBytes = 0;
    for (const alike of groupByContent(candidates(model), signal)) {
      throwIfAborted(signal);
      const keeper = chooseKeeper(alike);
      for (const { value, graph } of alike) {
        if (value === keeper.value) continue;
        const obstacle = whyNotReplaced(value, keeper);
        if (obstacle) {
          record.skipped(value.name, obstacle);
          continue;
        }
        record.changed(value.name, `removed: ${keeper.value.name} holds the same`);
        savedBytes += value.constant?.byteLength ?? 0;
        value.replaceAllUsesWith(keeper.value);
        graph.removeInitializer(value);
      }
    }
    record.metric('savedBytes', savedBytes);
  },
});

/** The initializers of every graph, but for those that a caller can override or that are outputs under their name. */
function* candidates(model: Model): Iterable<Initializer> {
  for (const graph of model.allGraphs()) {
    for (const value of graph.initializers) if (model.constantOf(value) && !value.isGraphOutput) yield { value, graph };
  }
}

function whyNotReplaced(value: Value, keeper: Initializer): string | null {
  const hidden = keeper.graph.scope.isAmbiguous(keeper.value.name);
  const captured = [...value.uses].some((use) => use.node.graph !== keeper.graph);
  return hidden && captured ? `several values are called ${keeper.value.name}` : null;
}
