// What a report says of a model: its files, where its bytes are, its operators.

import { statSync } from 'node:fs';
import type { Attribute, Model } from '../../ir/index.js';
import { encodedLength, loadModel } from '../../onnx/index.js';
import { byOperator } from '../../ops/index.js';
import { FileTensor, type Tensor } from '../../tensor/index.js';
import type { ModelFacts } from '../schema/compression-report.js';

/** Facts of a model. `files`: the paths it was written to; otherwise the files it was loaded from. Reads no weights. */
export function describeModel(model: Model, files: readonly string[] = filesOf(model)): ModelFacts {
  const sizes = files.map((path) => ({ path, bytes: statSync(path).size }));
  const weightBytes: Record<string, number> = {};
  for (const { dataType, byteLength } of constantsOf(model)) {
    weightBytes[dataType] = (weightBytes[dataType] ?? 0) + byteLength;
  }
  const operators: Record<string, number> = {};
  let nodes = 0;
  for (const node of model.allNodes()) {
    operators[node.qualifiedType] = (byOperator(operators, node.qualifiedType) ?? 0) + 1;
    nodes++;
  }
  return {
    path: files[0] ?? null,
    files: sizes,
    bytes: sizes.length > 0 ? sizes.reduce((sum, { bytes }) => sum + bytes, 0) : encodedLength(model),
    weightBytes: sorted(weightBytes),
    nodes,
    operators: sorted(operators),
    opsets: Object.fromEntries(model.opsetImports),
  };
}

/** Bytes of a model file and of the files its weights lie in. */
export async function modelFileBytes(path: string): Promise<number> {
  return filesOf(await loadModel(path)).reduce((sum, file) => sum + statSync(file).size, 0);
}

/** Every distinct constant tensor: initializers and tensor attributes of the main graph, subgraphs and functions. */
export function constantsOf(model: Model): Set<Tensor> {
  const tensors = new Set<Tensor>();
  for (const graph of model.allGraphs()) {
    for (const { constant } of graph.initializers) if (constant) tensors.add(constant);
    for (const node of graph.nodes()) {
      for (const [, attribute] of node.attributes) for (const tensor of tensorsOf(attribute)) tensors.add(tensor);
    }
  }
  return tensors;
}

function tensorsOf(attribute: Attribute): readonly Tensor[] {
  if (attribute.type === 'tensor') return [attribute.value];
  return attribute.type === 'tensors' ? attribute.value : [];
}

/** The model file and the files its weights lie in. */
function filesOf(model: Model): string[] {
  if (model.path === null) return [];
  const paths = new Set([model.path]);
  for (const tensor of constantsOf(model)) if (tensor instanceof FileTensor) paths.add(tensor.source.path);
  return [...paths];
}

/** Largest first; equals by name, so that reports do not depend on the order of nodes. */
function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0)),
  );
}
