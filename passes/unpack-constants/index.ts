// Makes weights visible: Constant nodes become initializers, and what only casts, transposes or reshapes an initializer is folded into
// it, as a tensor that is computed when it is read.
import { internalError } from '../../src/errors.js';
import type { Model, Node, Value } from '../../src/ir/index.js';
import { tensorOfConstant } from '../../src/ops/index.js';
import { definePass, type PassRecord } from '../../src/pass/index.js';
import { bypass, whyNotBypassed } from '../../src/rewrite/index.js';
import type { Tensor } from '../../src/tensor/index.js';
import { fixInputDefaults } from './fix-input-defaults.js';
import { foldedTensor, sameComputation } from './folded-tensor.js';
import { unpackConstantsOptions } from './options.js';

export const unpackConstants = definePass({
  name: 'unpack-constants',
  kind: 'cleanup',
  summary: 'Turns Constant nodes into initializers and folds Cast, Transpose and Reshape of weights into the weights.',
  options: unpackConstantsOptions,
  needs: [],
  run(model, { inputDefaults, maxGrowth }, { targets, record }) {
    fixInputDefaults(model, inputDefaults, record);
    for (const node of targets('Constant')) unpack(model, node, record);
    for (const node of targets('Identity', 'Cast', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze')) {
      if (node.graph && model.constantOf(node.input(0))) fold(model, node, maxGrowth, record);
    }
  },
});

/** A Constant node → an initializer of the same name in the same graph. */
function unpack(model: Model, node: Node, record: PassRecord): void {
  const { graph, output } = node;
  const tensor = tensorOfConstant(node);
  if (typeof tensor === 'string') record.skipped(node, tensor);
  else if (!graph || model.functions.some(({ body }) => body === graph)) {
    record.skipped(node, 'a function body cannot hold initializers');
  } else if (output.isGraphOutput) record.skipped(node, `it computes the graph output ${output.name}`);
  else {
    record.changed(node, 'Constant became an initializer');
    const { name } = output;
    const value = graph.addInitializer(name, tensor);
    output.replaceAllUsesWith(value);
    graph.remove(node);
    value.rename(name);
  }
}

/** Folds `node`, and every node that does the same to the same initializer. */
function fold(model: Model, node: Node, maxGrowth: number, record: PassRecord): void {
  const source = node.input(0);
  const tensor = model.constantOf(source);
  const result = tensor && foldedTensor(node, tensor, model);
  if (!source || !tensor || result === null) return;
  const obstacle = typeof result === 'string' ? result : whyNotBypassed(node, source);
  if (typeof result === 'string' || obstacle !== null) {
    record.skipped(node, obstacle ?? '');
    return;
  }
  const alike = [...source.consumers()].filter((other) => other === node || foldsAlike(model, other, source, result));
  const replaced =
    !source.isGraphOutput && [...source.uses].every((use) => use.index === 0 && alike.includes(use.node));
  const growth = result.byteLength - (replaced || result === tensor ? tensor.byteLength : 0);
  if (growth > maxGrowth) {
    const reason = replaced ? '' : `, because ${source.name} is used in another form too`;
    record.skipped(node, `folding it would add ${growth} bytes${reason}`);
    return;
  }
  const target = replaced || result === tensor ? source : addBeside(source, node, result);
  if (replaced && result !== tensor) source.constant = result;
  for (const folded of alike) {
    record.changed(folded, `folded ${folded.opType} into ${target.name}`);
    bypass(folded, target);
  }
}

function foldsAlike(model: Model, node: Node, source: Value, result: Tensor): boolean {
  const tensor = model.constantOf(source);
  if (!tensor || node.input(0) !== source || whyNotBypassed(node, source) !== null) return false;
  const own = foldedTensor(node, tensor, model);
  return own !== null && typeof own !== 'string' && sameComputation(own, result);
}

/** A new initializer in the graph that holds `source`: `node`, which uses it, is in that graph or within it. */
function addBeside(source: Value, node: Node, tensor: Tensor): Value {
  let graph = node.graph;
  while (graph && !graph.initializers.has(source)) graph = graph.parent?.graph ?? null;
  if (!graph) throw internalError(`No graph around ${node.name} holds the initializer ${source.name}`);
  return graph.addInitializer(`${source.name}_${node.opType.toLowerCase()}`, tensor);
}
