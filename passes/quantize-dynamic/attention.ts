// com.microsoft.Attention as QAttention: the product that makes queries, keys and values multiplies integers.
import type { Attribute, Node } from '../../src/ir/index.js';
import { NodeInserter, replaceNode } from '../../src/rewrite/index.js';
import { type PlanContext, type Planned, requestWeight, weightAt } from './plan.js';
import { storedPlan } from './stored.js';

/** Attributes that QAttention shares with Attention. */
const sharedAttributes = ['num_heads', 'unidirectional', 'mask_filter_value', 'scale', 'do_rotary'];

export function planAttention(node: Node, context: PlanContext): Planned {
  const source = weightAt(node, 1, context);
  if (typeof source === 'string') return source;
  if (source.shape.length !== 2) return `its weight has ${source.shape.length} dimensions`;
  const obstacle = obstacleOf(node, context);
  const inPlace = source.permutation[0] === 0;
  if (obstacle !== null || !inPlace || source.dataType !== 'float32') {
    return storedPlan(node, [requestWeight(1, source, [1], 'stored')!], obstacle ?? '');
  }
  return {
    node,
    requests: [requestWeight(1, source, [1], 'product')!],
    opset: 11,
    domains: ['com.microsoft'],
    apply([weight], { activations }) {
      const [input, , bias, mask = null, past = null] = node.inputs;
      const activation = activations.quantize(input!, 'float32', node);
      const shape = weight.parameterShape([weight.channels]);
      const inputs = [
        activation.quantized,
        weight.value,
        bias,
        activation.scale,
        weight.scale(shape),
        mask,
        activation.zeroPoint,
        weight.zeroPoint(shape),
        past,
      ];
      const attributes: Record<string, Attribute> = {};
      for (const [name, attribute] of node.attributes)
        if (sharedAttributes.includes(name)) attributes[name] = attribute;
      const suffixes = node.outputs.map((output) => (output ? 'quantized' : ''));
      const options = { name: node.name, domain: 'com.microsoft', attributes };
      const quantized = new NodeInserter(node, node.output.name).addNode('QAttention', inputs, suffixes, options);
      replaceNode(node, ...quantized.outputs);
      return `QAttention with ${weight.parameters.dataType} weights`;
    },
  };
}

/** What QAttention does not have; null when it can take the node's place. */
function obstacleOf(node: Node, { options, integerObstacle }: PlanContext): string | null {
  if (options.compute === 'float') return 'as asked';
  if (integerObstacle !== null) return integerObstacle;
  if (!node.input(2)) return 'QAttention needs a bias';
  if (node.input(5) || node.input(6)) return 'QAttention adds no bias to the scores and shares no buffers';
  for (const [name] of node.attributes) {
    if (!sharedAttributes.includes(name) && !isDefault(node, name)) return `QAttention has no ${name}`;
  }
  return null;
}

function isDefault(node: Node, name: string): boolean {
  return node.attributes.get(name)?.type === 'int' && node.attributes.int(name, 0) === 0;
}
