// Activations that a model spells out in several nodes and onnxruntime computes in one: SiLU, x · Sigmoid(x), and GELU, x/2 · (1 + erf(x / √2)). It does not
// find them behind integers, where each node restores its own copy of x.
import { floatAttribute, type Model, type Node, type Value } from '../../../src/ir/index.js';
import { constantSource } from '../../../src/ops/index.js';
import type { RuntimeTarget } from '../../../src/quantization/index.js';
import { dropUnused, replaceNode } from '../../../src/rewrite/index.js';
import type { Options } from '../options.js';

/** What is written for them: in float on purpose. */
export const wholeOperators: readonly string[] = ['com.microsoft::QuickGelu', 'com.microsoft::Gelu'];

export interface WholeActivation {
  readonly kind: 'silu' | 'gelu';
  /** All nodes of it, the one that gives its result last. */
  readonly nodes: readonly Node[];
}

/** Whether SiLU is computed so, in float: a Sigmoid and a product of integers take half more time, and round once more. */
export function isFasterWhole({ format, slowKernels }: Options, target: RuntimeTarget): boolean {
  return format === 'qdq' && slowKernels === 'float' && knowsWhole(target);
}

/** Whether the runtime has an operator for it, which ONNX defines in its newest opsets only. */
export function knowsWhole({ runtime }: RuntimeTarget): boolean {
  return runtime !== 'generic';
}

/** What becomes of `value` where nothing takes it but one such activation; null for anything else. */
export function wholeActivation(value: Value): WholeActivation | null {
  if (value.isGraphOutput || value.uses.size !== 2) return null;
  const consumers = [...value.consumers()];
  if (consumers.length !== 2) return null;
  const pairs = [consumers, [...consumers].reverse()];
  for (const [inner, outer] of pairs) {
    const found = silu(value, inner, outer) ?? gelu(value, inner, outer);
    if (found) return found;
  }
  return null;
}

/** Puts one node of com.microsoft in the place of the activation that takes `value`. */
export function writeWhole(model: Model, value: Value, { kind, nodes }: WholeActivation): void {
  const domain = 'com.microsoft';
  if (!model.opsetImports.has(domain)) model.opsetImports.set(domain, 1);
  const last = nodes.at(-1)!;
  const graph = last.graph!;
  const constants = last.inputs;
  const { output } = graph.insertBefore(last, {
    opType: kind === 'silu' ? 'QuickGelu' : 'Gelu',
    domain,
    name: last.name,
    inputs: [value],
    outputs: [graph.scope.uniqueName(`${last.output.name}_whole`)],
    attributes: kind === 'silu' ? { alpha: floatAttribute(1) } : {},
  });
  replaceNode(last, output);
  dropUnused(model, graph, constants);
  for (const node of [...nodes.slice(0, -1)].reverse()) {
    const { inputs } = node;
    graph.remove(node);
    dropUnused(model, graph, inputs);
  }
}

function silu(value: Value, sigmoid: Node, product: Node): WholeActivation | null {
  if (!sigmoid.is('Sigmoid') || !isProduct(product, value, sigmoid.output)) return null;
  return onlyTaker(sigmoid) === product ? { kind: 'silu', nodes: [sigmoid, product] } : null;
}

/** The half is multiplied with x, or with the product. */
function gelu(value: Value, scaled: Node, other: Node): WholeActivation | null {
  const isScaled =
    (scaled.is('Div') && scaled.input(0) === value && isNumber(scaled.input(1), Math.SQRT2)) ||
    (scaled.is('Mul') && isNumber(otherInput(scaled, value), Math.SQRT1_2));
  const erf = isScaled ? onlyTaker(scaled) : null;
  const sum = erf?.is('Erf') ? onlyTaker(erf) : null;
  if (!erf || !sum?.is('Add') || !isNumber(otherInput(sum, erf.output), 1)) return null;
  const product = onlyTaker(sum);
  const outer = onlyTaker(other);
  if (!product || !other.is('Mul')) return null;
  if (product === other && isProduct(other, value, sum.output)) {
    if (!outer?.is('Mul') || !isNumber(otherInput(outer, other.output), 0.5)) return null;
    return { kind: 'gelu', nodes: [scaled, erf, sum, other, outer] };
  }
  if (product !== outer || !isNumber(otherInput(other, value), 0.5)) return null;
  return isProduct(product, other.output, sum.output)
    ? { kind: 'gelu', nodes: [scaled, erf, sum, other, product] }
    : null;
}

function isProduct(node: Node, a: Value, b: Value): boolean {
  return node.is('Mul') && a !== b && node.inputs.includes(a) && node.inputs.includes(b);
}

/** The node that alone takes the result of `node`, which nobody else sees. */
function onlyTaker({ output, graph }: Node): Node | null {
  if (output.isGraphOutput || output.uses.size !== 1) return null;
  const [{ node }] = output.uses;
  return node.graph === graph ? node : null;
}

function otherInput({ inputs }: Node, value: Value): Value | null {
  return inputs.length === 2 && inputs.includes(value) ? inputs[inputs[0] === value ? 1 : 0] : null;
}

/** Whether it is a constant of one element, which is the number to four digits. */
function isNumber(value: Value | null, number: number): boolean {
  const tensor = value && constantSource(value)?.tensor;
  return tensor?.size === 1 && Math.abs(Number(tensor.readNumbers()[0]) / number - 1) < 1e-4;
}
