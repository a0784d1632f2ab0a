// Initializers that are listed among the inputs. From IR version 4 on that makes them default values which a caller may replace, and
// hides the weights from every optimizer. Some exporters list all of them by habit, from the time when ONNX asked for it.
import type { Model } from '../../src/ir/index.js';
import type { PassRecord } from '../../src/pass/index.js';

export function fixInputDefaults(model: Model, mode: 'auto' | 'keep' | 'fix', record: PassRecord): void {
  const { graph, irVersion } = model;
  // Before, they are listed without being replaceable.
  if (irVersion < 4 || mode === 'keep') return;
  const listed = graph.inputs.filter(({ isInitializer }) => isInitializer);
  if (listed.length === 0) return;
  if (mode === 'auto' && listed.length < graph.initializers.size) {
    for (const { name } of listed)
      record.skipped(name, 'it is an input with a default value, which the caller may replace');
    return;
  }
  for (const value of listed) graph.removeInput(value);
  record.changed('inputs', `${listed.length} initializers are no longer listed among the inputs`);
}
