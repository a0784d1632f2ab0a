// A model that computes in float16 made to compute in float32: constants widened, types and the targets of Cast changed, inputs and outputs as they were,
// with a Cast at each.
import {
  type Graph,
  intAttribute,
  type Model,
  type Node,
  tensorAttribute,
  tensorType,
  type Value,
} from '../ir/index.js';
import { dataTypeCode, float32Tensor, type Tensor } from '../tensor/index.js';

/** Attributes that name the type of what an operator makes. */
const typeAttributes = ['to', 'dtype'] as const;

/** Why `computeInFloat32` would leave something behind; null: it would not. */
export function whyNotInFloat32(model: Model): string | null {
  if (model.functions.length > 0) return 'it has local functions, whose types are not known';
  const nodes = [...model.allNodes()];
  if (nodes.some(({ opType }) => opType.startsWith('Sequence') || opType.startsWith('Optional')))
    return 'it computes with sequences or optional values';
  return null;
}

/** Ask `whyNotInFloat32` before. */
export function computeInFloat32(model: Model): void {
  for (const graph of model.graph.allGraphs()) {
    for (const value of graph.initializers) {
      if (value.constant?.dataType === 'float16') value.constant = widened(value.constant);
    }
    for (const node of graph.nodes()) widenNode(node);
    if (graph !== model.graph) for (const input of graph.inputs) widenType(input);
  }
  const { graph } = model;
  for (const input of graph.inputs) if (!input.isInitializer && isHalf(input)) castInput(graph, input);
  for (const output of [...graph.outputs]) if (wasHalf(output)) castOutput(graph, output);
  for (const node of model.allNodes())
    for (const output of node.outputs) if (output && !output.isGraphOutput) widenType(output);
  for (const body of graph.allGraphs()) if (body !== graph) for (const output of body.outputs) widenType(output);
}

function widenNode({ attributes }: Node): void {
  for (const name of typeAttributes) {
    if (attributes.int(name, 0) === dataTypeCode('float16'))
      attributes.set(name, intAttribute(dataTypeCode('float32')));
  }
  const value = attributes.tensor('value');
  if (value?.dataType === 'float16') attributes.set('value', tensorAttribute(widened(value)));
}

function widened(tensor: Tensor): Tensor {
  return float32Tensor(tensor.shape, Float32Array.from(tensor.readFloat32()));
}

function isHalf({ type }: Value): boolean {
  return type?.kind === 'tensor' && type.dataType === 'float16';
}

/** An output that a node computes and the file says is float16. */
function wasHalf(output: Value): boolean {
  return output.producer !== null && isHalf(output);
}

function widenType(value: Value): void {
  if (!isHalf(value) || value.type?.kind !== 'tensor') return;
  value.type = tensorType('float32', value.type.shape);
  value.opaque = null;
}

function castInput(graph: Graph, input: Value): void {
  const users = [...input.uses];
  const first = graph.nodes().next().value;
  if (!first || users.length === 0) return;
  const to = intAttribute(dataTypeCode('float32'));
  const { output } = graph.insertBefore(first, {
    opType: 'Cast',
    inputs: [input],
    outputs: [graph.scope.uniqueName(`${input.name}_float32`)],
    attributes: { to },
  });
  for (const { node, index } of users) node.replaceInput(index, output);
}

function castOutput(graph: Graph, output: Value): void {
  const { name, type, opaque } = output;
  const to = intAttribute(dataTypeCode('float16'));
  const restored = graph.append({ opType: 'Cast', inputs: [output], attributes: { to } }).output;
  graph.replaceOutput(output, restored);
  output.rename(graph.scope.uniqueName(`${name}_float32`));
  output.type = type?.kind === 'tensor' ? tensorType('float32', type.shape) : null;
  restored.rename(name);
  restored.type = type;
  restored.opaque = opaque;
}
