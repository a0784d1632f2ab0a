// Takes out nodes that provably hand their input on: its users take the input instead.
import { z } from 'zod';
import { inferProvenTypes } from '../../src/analysis/index.js';
import type { Engine } from '../../src/engine/index.js';
import type { Model, TensorType, Value } from '../../src/ir/index.js';
import { definePass, selectionOptions } from '../../src/pass/index.js';
import { bypass, whyNotBypassed } from '../../src/rewrite/index.js';
import type { Facts } from './rule.js';
import { passesOn, typedRules } from './rules.js';
import { zeroStates } from './zero-states.js';

export const eliminateIdentity = definePass({
  name: 'eliminate-identity',
  kind: 'cleanup',
  summary:
    'Removes nodes that provably do nothing: Identity, Dropout, Cast to the same type, Reshape to the same shape, …',
  options: z.strictObject(selectionOptions),
  needs: ['inference'],
  async run(model, _options, context) {
    const types = await inferTypes(model, context.engine);
    for (const node of context.targets()) {
      const facts: Facts = {
        opset: model.opsetOf(node),
        constant: (value) => model.constantOf(value),
        type: (value) => types.get(value) ?? null,
      };
      for (const index of zeroStates(node, model)) {
        context.record.changed(node, `begins with zeros by itself, without ${node.input(index)!.name}`);
        node.replaceInput(index, null);
      }
      const input = passesOn(node, facts);
      if (!input) continue;
      const obstacle = whyNotBypassed(node, input);
      if (obstacle) context.record.skipped(node, obstacle);
      else {
        context.record.changed(node, `removed ${node.opType}, which hands on ${input.name}`);
        bypass(node, input);
      }
    }
  },
});

/** Proven types, where the model has an operator whose rule asks for them. */
async function inferTypes(model: Model, engine: Engine): Promise<ReadonlyMap<Value, TensorType>> {
  const needed = [...model.graph.allNodes()].some((node) => node.domain === '' && typedRules.has(node.opType));
  return needed ? inferProvenTypes(model, engine) : new Map();
}
