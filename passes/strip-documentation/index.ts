// strip-documentation: removes what exporters write into a graph for people: doc strings, stack traces, source lines.
import { z } from 'zod';
import { removeDocumentation } from '../../src/onnx/index.js';
import { definePass } from '../../src/pass/index.js';

export const stripDocumentation = definePass({
  name: 'strip-documentation',
  kind: 'cleanup',
  summary: 'Removes doc strings and exporter metadata of graphs, nodes and values.',
  options: z.strictObject({}),
  needs: [],
  run(model, _options, { record }) {
    const count = removeDocumentation(model);
    if (count > 0)
      record.changed(model.graph.name || 'graph', `documentation of ${count} graphs, nodes and values removed`);
  },
});
