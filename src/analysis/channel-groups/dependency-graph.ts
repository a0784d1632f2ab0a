// The dependency graph of a model (the idea of DepGraph: Fang et al., "DepGraph: Towards Any Structural Pruning", 2023, here on single
// coordinates): for every coordinate of every axis, which others must go with it, and why it may have to stay.
import type { Engine } from '../../engine/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import { inferProvenTypes } from '../proven-types.js';
import { refineTypes } from './refine-types.js';
import { Relations } from './relations.js';
import { labelOf } from './rule.js';
import { ruleOf } from './rules/index.js';
import { shapeOperators } from './shape-entries.js';

/** Inputs that are shapes; their rules look at where each entry comes from. */
const shapeInputs: Readonly<Record<string, number>> = { Reshape: 1, Expand: 1, Resize: 3 };

/** Relations of all axes of the main graph. Nodes of subgraphs are not followed: what they take from outside stays. */
export async function relateAxes(model: Model, engine: Engine): Promise<Relations> {
  const relations = new Relations(model, await inferProvenTypes(model, engine, { refine: refineTypes }));
  const { graph } = model;
  for (const input of graph.inputs) {
    if (model.constantOf(input) === null)
      relations.freezeAll(relations.axes(input), `${input.name} is an input of the model`);
  }
  for (const output of graph.outputs)
    relations.freezeAll(relations.axes(output), `${output.name} is an output of the model`);
  for (const node of graph.nodes()) {
    relateLengths(node, relations);
    if (node.is('Constant')) {
      relations.freezeAll(
        relations.axes(node.output),
        `${node.output.name} is held by a node: unpack-constants brings it into reach`,
      );
    } else ruleOf(node).relate(node, relations);
    for (const value of captured(node)) {
      relations.freezeAll(relations.axes(value), `${labelOf(node)} uses it in an inner graph`);
      freezeLengths(relations, value, `${labelOf(node)} uses its length in an inner graph`);
    }
  }
  relations.conclude();
  return relations;
}

/** Lengths that go into arithmetic, or out of the model, must stay. */
function relateLengths(node: Node, relations: Relations): void {
  const passesOn = node.domain === '' && shapeOperators.has(node.opType);
  for (const [index, input] of node.inputs.entries()) {
    if (passesOn && (index === 0 || node.is('Concat', 'Where')) && relations.shapes.of(node.outputs[0])) continue;
    // What is compared only decides between entries that are followed.
    if (
      node.is('Equal') &&
      [...node.output.uses].every((use) => use.node.is('Where') && relations.shapes.of(use.node.output))
    )
      continue;
    if (node.domain === '' && shapeInputs[node.opType] === index) continue;
    if (node.is('Shape')) continue;
    freezeLengths(relations, input, `${labelOf(node)} computes with its length`);
  }
  for (const output of node.outputs)
    if (output?.isGraphOutput) freezeLengths(relations, output, 'its length is an output of the model');
}

/** The axes whose lengths `value` holds. */
function freezeLengths(relations: Relations, value: Value | null, reason: string): void {
  for (const entry of relations.shapes.of(value) ?? []) if (entry.kind === 'axis') relations.freeze(entry.axis, reason);
}

/** Values of the main graph that subgraphs of `node` use. */
function* captured(node: Node): Iterable<Value> {
  for (const subgraph of node.subgraphs()) {
    for (const inner of subgraph.allNodes()) for (const value of inner.inputs) if (value) yield value;
    yield* subgraph.outputs;
  }
}
