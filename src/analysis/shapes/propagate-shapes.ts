// Shapes of values for inputs of given shapes, found by walking the graph once. It needs no engine and reads no weights, so it takes
// milliseconds; what it does not know (rare operators, shapes that depend on data) it leaves out, and an engine can tell.
import type { Graph, Model, Node, Value } from '../../ir/index.js';
import { byOperator } from '../../ops/index.js';
import { isFloat, type Tensor } from '../../tensor/index.js';
import { computingRules } from './computing.js';
import { elementwiseRules } from './elementwise.js';
import { isShape, type Known, mostValues, ofShape } from './known.js';
import { rearrangingRules } from './rearranging.js';
import type { Rules } from './rule.js';

const rules: Rules = { ...elementwiseRules, ...rearrangingRules, ...computingRules };

export interface PropagationOptions {
  /** Whether what the file declares counts for values of which nothing else is known; it may be wrong. Default true. */
  readonly declared?: boolean;
}

interface WalkContext extends Required<PropagationOptions> {
  /** Version of ONNX's own operators. */
  readonly opset: number;
}

/**
 * The shapes of the main graph's values, those of its branches (If) included. `inputShapes` by name of the graph input; an input
 * without one counts with the shape that the model declares, if that is complete.
 */
export function propagateShapes(
  model: Model,
  inputShapes: ReadonlyMap<string, readonly number[]>,
  { declared = true }: PropagationOptions = {},
): ReadonlyMap<Value, readonly number[]> {
  const known = new Map<Value, Known>();
  for (const input of model.graph.inputs) {
    const shape = inputShapes.get(input.name) ?? declaredShape(input);
    if (shape && !input.isInitializer) known.set(input, ofShape(shape, isInteger(input)));
  }
  walk(model.graph, known, { opset: model.opset, declared });
  return new Map([...known].map(([value, { shape }]) => [value, shape]));
}

function walk(graph: Graph, known: Map<Value, Known>, context: WalkContext): void {
  for (const value of graph.initializers) if (value.constant) known.set(value, constant(value.constant));
  for (const node of graph.nodes()) {
    const results = node.is('If') ? branches(node, known, context) : apply(node, known, context.opset);
    node.outputs.forEach((output, index) => {
      if (!output) return;
      const result = results?.[index];
      const shape = isShape(result?.shape) || !context.declared ? null : declaredShape(output);
      if (result && isShape(result.shape)) known.set(output, result);
      else if (shape) known.set(output, ofShape(shape, isInteger(output)));
    });
  }
}

function apply(node: Node, known: ReadonlyMap<Value, Known>, opset: number): readonly (Known | null)[] | null {
  if (node.is('Constant')) return constantNode(node);
  const rule = byOperator(rules, node.qualifiedType);
  if (!rule) return null;
  return rule({ node, opset, inputs: node.inputs.map((input) => (input ? known.get(input) : undefined)) });
}

/** Both branches are walked; where they agree on a shape, the result has it. */
function branches(node: Node, known: Map<Value, Known>, context: WalkContext): (Known | null)[] | null {
  const graphs = node.subgraphs();
  for (const graph of graphs) walk(graph, known, context);
  return node.outputs.map((_, index) => {
    const [first, ...others] = graphs.map((graph) => known.get(graph.outputs[index]));
    const agreed = others.every((other) => first && String(other?.shape) === String(first.shape));
    return first && agreed ? ofShape(first.shape, first.integer) : null;
  });
}

function constantNode(node: Node): readonly (Known | null)[] | null {
  const tensor = node.attributes.tensor('value');
  if (tensor) return [constant(tensor)];
  const integers = node.attributes.ints('value_ints');
  if (integers) return [{ shape: [integers.length], values: integers, integer: true }];
  const integer = node.attributes.int('value_int', null);
  return integer === null ? null : [{ shape: [], values: [integer], integer: true }];
}

function constant(tensor: Tensor): Known {
  const { dataType, shape, size } = tensor;
  const integer = /^u?int|^bool/.test(dataType);
  const readable = size <= mostValues && /^(?:float32|float64|bool|u?int(?:8|16|32|64))$/.test(dataType);
  return { shape, integer, values: readable ? tensor.readNumbers() : null };
}

function isInteger({ type }: Value): boolean {
  return type?.kind === 'tensor' && !isFloat(type.dataType);
}

function declaredShape({ type }: Value): readonly number[] | null {
  if (type?.kind !== 'tensor' || !type.shape) return null;
  return isShape(type.shape) ? type.shape : null;
}
