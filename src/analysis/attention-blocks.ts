// Attention blocks, found by structure instead of names: a softmax over scores that are a product of two activations, followed by a product
// with a third; or one operator that does all of it. Heads are the units of the channel group that runs through it.
import type { Model, Node, Value } from '../ir/index.js';
import type { ChannelGroup, ChannelStructure } from './channel-groups/index.js';

export interface AttentionBlock {
  /** The Softmax, or the operator that is attention as a whole. */
  readonly core: Node;
  /** The heads as units that can be removed, with their projections; null where they cannot. */
  readonly heads: ChannelGroup | null;
  /** Nodes whose weights make queries, keys and values. */
  readonly projections: readonly Node[];
  /** Nodes whose weights put the heads together again. */
  readonly outputs: readonly Node[];
}

const fused: ReadonlySet<string> = new Set([
  'Attention',
  'com.microsoft::Attention',
  'com.microsoft::MultiHeadAttention',
  'com.microsoft::GroupQueryAttention',
]);
/** What lies between the products and the softmax: scaling, masks, types, dropout. */
const between: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Where',
  'Cast',
  'Identity',
  'Dropout',
  'Clip',
  'IsNaN',
]);
const mostBetween = 12;

/** The attention blocks of the main graph, in the order of its nodes. */
export function findAttentionBlocks({ relations, groups }: ChannelStructure): AttentionBlock[] {
  const { model, classes } = relations;
  const byUnit = new Map(groups.flatMap((group) => group.units.map((unit) => [unit, group] as const)));
  const groupOf = (value: Value, axes: readonly number[]): ChannelGroup | null => {
    for (const at of axes) {
      const axis = relations.axes(value)?.[at];
      const group = axis?.length ? byUnit.get(classes.find(axis.first)) : undefined;
      if (group) return group;
    }
    return null;
  };
  const blocks: AttentionBlock[] = [];
  for (const node of attentionCores(model)) {
    const isFused = fused.has(node.qualifiedType);
    const rank = relations.axes(node.output)?.length ?? 0;
    const axes = isFused ? [rank - 1, 1] : Array.from({ length: Math.max(rank - 2, 0) }, (_, at) => at);
    const heads = groupOf(node.output, axes);
    blocks.push({ core: node, heads, projections: heads?.producers ?? [], outputs: heads?.consumers ?? [] });
  }
  return blocks;
}

/** The Softmax, or the operator as a whole, of every attention of the main graph, in order. */
export function attentionCores(model: Model): Node[] {
  return [...model.graph.nodes()].filter(
    (node) => fused.has(node.qualifiedType) || (node.is('Softmax') && isAttentionSoftmax(node, model)),
  );
}

/** Whether scores come from a product of two activations, and go into another one. */
function isAttentionSoftmax(softmax: Node, model: Model): boolean {
  return behind(softmax.input(0), model) && ahead(softmax.output, model);
}

function behind(start: Value | null, model: Model): boolean {
  const queue = [start];
  for (let step = 0; step < mostBetween && queue.length > 0; step++) {
    const producer = queue.shift()?.producer;
    if (!producer) continue;
    if (isProductOfActivations(producer, model)) return true;
    if (producer.domain === '' && between.has(producer.opType)) queue.push(...producer.inputs);
  }
  return false;
}

function ahead(start: Value, model: Model): boolean {
  const queue = [start];
  for (let step = 0; step < mostBetween && queue.length > 0; step++) {
    for (const consumer of queue.shift()!.consumers()) {
      if (isProductOfActivations(consumer, model)) return true;
      if (consumer.domain === '' && between.has(consumer.opType)) queue.push(consumer.output);
    }
  }
  return false;
}

function isProductOfActivations(node: Node, model: Model): boolean {
  if (!node.is('MatMul', 'Einsum') && node.qualifiedType !== 'com.microsoft::FusedMatMul') return false;
  return [0, 1].every((index) => node.input(index) && !model.constantOf(node.input(index)));
}
