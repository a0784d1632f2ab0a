// A model in which nodes can be exchanged at run time: each becomes an If that computes either the node as it is, or a copy of it with
// weights of its own, which a pass may change. So one session tells what each node, alone or with others, costs when it is quantized.
import {
  type Attribute,
  cloneModel,
  Graph,
  intAttribute,
  type Model,
  type Node,
  tensorType,
  type Value,
} from '../ir/index.js';
import { constantSource } from '../ops/index.js';
import { nodeLabel } from '../pass/index.js';
import { replaceNode } from '../rewrite/index.js';
import { dataTypeCode, scalarTensor } from '../tensor/index.js';

export interface SwitchedNode {
  /** Of the node in the model it came from. */
  readonly label: string;
  /** Name of the copy that a pass is to change. */
  readonly copy: string;
  /**
   * Outputs that tell, while the copy computes, how far its first output is from the node's: Σ (node − copy)² and Σ node². null inside of
   * subgraphs and for outputs that are no floats.
   */
  readonly error: { readonly noise: string; readonly signal: string } | null;
}

export interface SwitchedModel {
  readonly model: Model;
  /** The added graph input: bool [nodes], true where the copy computes. */
  readonly mask: string;
  readonly nodes: readonly SwitchedNode[];
}

/** `labels` of nodes of `model`, which stays as it is. Nodes of local functions cannot be switched and are left out. */
export function switchNodes(model: Model, labels: ReadonlySet<string>): SwitchedModel {
  const clone = cloneModel(model);
  const { graph } = clone;
  const targets = [...graph.allNodes()].filter((node) => labels.has(nodeLabel(node)));
  const mask = graph.addInput(graph.scope.uniqueName('dsopt_mask'), tensorType('bool', [targets.length]));
  const zero = graph.addInitializer('dsopt_zero', scalarTensor('float32', 0));
  const [first] = graph.nodes();
  const conditions = targets.map((_, index) => {
    // No int64: onnxruntime 1.30 fails where models hold other int64 scalars in front of a Gather.
    const position = graph.addInitializer(`dsopt_index_${index}`, scalarTensor('int32', index));
    return graph.insertBefore(first, { opType: 'Gather', inputs: [mask, position] }).output;
  });
  const nodes = targets.map((node, index) => {
    const label = nodeLabel(node);
    return { label, ...switchNode(clone, node, { condition: conditions[index], zero, index }) };
  });
  return { model: clone, mask: mask.name, nodes };
}

interface SwitchContext {
  readonly condition: Value;
  readonly zero: Value;
  readonly index: number;
}

function switchNode(model: Model, node: Node, { condition, zero, index }: SwitchContext): Omit<SwitchedNode, 'label'> {
  const { scope } = model.graph;
  const copy = scope.uniqueName(`dsopt_copy_${index}`);
  const original = new Graph(scope, `${copy}_original`);
  const changed = new Graph(scope, `${copy}_changed`);
  const outputs = node.outputs.filter((output) => output !== null);
  for (const output of addCopy(original, node, node.inputs, '')) original.addOutput(output);
  const results = addCopy(changed, node, copiedInputs(model, changed, node), copy);
  for (const output of results) changed.addOutput(output);
  const measured = node.graph === model.graph && isMeasurable(outputs[0]);
  if (measured) {
    const [exact] = addCopy(changed, node, node.inputs, '');
    for (const output of errorSums(changed, exact, results[0])) changed.addOutput(output);
    for (let i = 0; i < 2; i++) original.addOutput(original.append({ opType: 'Identity', inputs: [zero] }).output);
  }
  const choice = node.graph!.insertBefore(node, {
    opType: 'If',
    name: copy,
    inputs: [condition],
    outputs: outputs.length + (measured ? 2 : 0),
    attributes: { then_branch: graphAttribute(changed), else_branch: graphAttribute(original) },
  });
  let taken = 0;
  replaceNode(node, ...node.outputs.map((output) => output && choice.outputs[taken++]));
  if (!measured) return { copy, error: null };
  const [noise, signal] = choice.outputs.slice(-2) as readonly Value[];
  for (const value of [noise, signal]) {
    value.type = tensorType('float32', []);
    model.graph.addOutput(value);
  }
  return { copy, error: { noise: noise.name, signal: signal.name } };
}

/** The node in another graph, on other inputs; its outputs that are not omitted. */
function addCopy(graph: Graph, node: Node, inputs: readonly (Value | null)[], name: string): Value[] {
  const { opType, domain, overload, attributes, outputs } = node;
  const names: string[] = [];
  for (const output of outputs) names.push(output ? freeName(graph, `${output.name}_${graph.name}`, names) : '');
  const init = { opType, domain, overload, name, inputs, outputs: names, attributes: attributes.toObject() };
  return graph.append(init).outputs.filter((output) => output !== null);
}

function freeName(graph: Graph, base: string, taken: readonly string[]): string {
  const name = graph.scope.uniqueName(base);
  return taken.includes(name) ? freeName(graph, `${base}_${taken.length}`, taken) : name;
}

/** The inputs of the node, with weights (and what casts and transposes them) that nothing else uses. */
function copiedInputs(model: Model, graph: Graph, node: Node): (Value | null)[] {
  return node.inputs.map((input) => {
    const source = constantSource(input);
    if (!source) return input;
    let value = model.graph.addInitializer(`${source.value.name}_copy`, source.tensor);
    for (const { opType, attributes } of source.path.toReversed()) {
      value = graph.append({ opType, inputs: [value], attributes: attributes.toObject() }).output;
    }
    return value;
  });
}

function isMeasurable({ type }: Value): boolean {
  return type?.kind !== 'tensor' || ['float32', 'float16', 'float64', 'bfloat16'].includes(type.dataType);
}

/** Σ (exact − result)² and Σ exact². */
function errorSums(graph: Graph, exact: Value, result: Value): Value[] {
  const float = (value: Value): Value =>
    graph.append({ opType: 'Cast', inputs: [value], attributes: { to: intAttribute(dataTypeCode('float32')) } }).output;
  const reference = float(exact);
  const difference = graph.append({ opType: 'Sub', inputs: [reference, float(result)] }).output;
  return [difference, reference].map(
    (value) =>
      graph.append({ opType: 'ReduceSumSquare', inputs: [value], attributes: { keepdims: intAttribute(0) } }).output,
  );
}

function graphAttribute(value: Graph): Attribute {
  return { type: 'graph', value };
}
